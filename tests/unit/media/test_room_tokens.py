"""Tokens of rooms: what they grant, and what is refused. ``livekit-api`` reads ours and we read its."""

from __future__ import annotations

import datetime
import subprocess
import sys

import jwt
import pytest
from livekit import api

from media.errors import TokenInvalid
from media.rooms import Grant, make_token, verify_token

KEY, SECRET = "key", "a secret that is long enough for HS256"
GRANT = Grant(
    "attendance-7",
    "caller-1",
    "Maria",
    can_publish=False,
    hidden=True,
    admin=True,
    kind="sip",
    metadata="{}",
    attributes={"queue": "vendas"},
)


def test_a_token_gives_back_what_it_was_made_of() -> None:
    assert verify_token(make_token(KEY, SECRET, GRANT), KEY, SECRET) == GRANT
    plain = Grant("r", "i")
    assert verify_token(make_token(KEY, SECRET, plain), KEY, SECRET) == plain


def test_the_vendors_library_reads_the_same() -> None:
    claims = api.TokenVerifier(KEY, SECRET).verify(make_token(KEY, SECRET, GRANT))
    assert claims.video is not None
    assert (claims.identity, claims.name, claims.kind) == ("caller-1", "Maria", "sip")
    assert (claims.video.room, claims.video.room_join, claims.video.room_admin) == ("attendance-7", True, True)
    assert (claims.video.can_publish, claims.video.can_subscribe, claims.video.hidden) == (False, True, True)
    assert claims.attributes == {"queue": "vendas"}


def test_the_vendors_tokens_are_read() -> None:
    token = (
        api.AccessToken(KEY, SECRET)
        .with_identity("ana")
        .with_name("Ana")
        .with_ttl(datetime.timedelta(minutes=1))
        .with_grants(api.VideoGrants(room_join=True, room="r", can_publish_data=False))
        .to_jwt()
    )
    assert verify_token(token, KEY, SECRET) == Grant("r", "ana", "Ana", can_publish_data=False)


def forged(**changes: object) -> str:
    claims = {"iss": KEY, "sub": "x", "exp": 4_000_000_000, "video": {"roomJoin": True, "room": "r"}, **changes}
    return jwt.encode({key: value for key, value in claims.items() if value is not None}, SECRET, algorithm="HS256")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "not.a.token",
        make_token(KEY, SECRET[::-1], GRANT),
        make_token("another", SECRET, GRANT),
        make_token(KEY, SECRET, GRANT, now_s=1_000_000.0),
        make_token(KEY, SECRET, GRANT, now_s=4_000_000_000.0),
        jwt.encode({"iss": KEY, "sub": "x", "exp": 4_000_000_000}, "", algorithm="none"),
        forged(exp=None),
        forged(sub=None),
        forged(video=None),
        forged(video="all"),
        forged(video={"roomJoin": True}),
        forged(video={"room": "r"}),
    ],
    ids=range(13),
)
def test_what_is_not_ours_or_not_now_is_refused(token: str) -> None:
    assert verify_token(forged(), KEY, SECRET).room == "r"
    with pytest.raises(TokenInvalid):
        verify_token(token, KEY, SECRET)


def test_a_token_for_nothing_is_not_made() -> None:
    for grant in (Grant("", "i"), Grant("r", "")):
        with pytest.raises(ValueError, match="room and an identity"):
            make_token(KEY, SECRET, grant)


def test_the_front_door_of_media_and_rooms_loads_nothing_heavy(pytestconfig: pytest.Config) -> None:
    probe = (
        "import sys, media, media.rooms; "
        "print([m for m in ('livekit', 'aiohttp', 'aiortc', 'numpy', 'soxr') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", probe], capture_output=True, check=True, cwd=pytestconfig.rootpath)
    assert out.stdout.strip() == b"[]"
    from media import rooms

    with pytest.raises(AttributeError):
        _ = rooms.Nothing
