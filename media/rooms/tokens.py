"""Who may do what in which room: LiveKit's access tokens (JWT, HS256; ``iss`` is the API key, ``sub`` the identity,
the claim ``video`` holds the grants). Short-lived: a token is for joining, and the server renews it while one is in.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import jwt

from ..errors import TokenInvalid

TTL_S: Final = 600.0
LEEWAY_S: Final = 10.0  # clocks of two machines
Kind: TypeAlias = Literal["standard", "sip", "agent"]


@dataclass(frozen=True, slots=True)
class Grant:
    """One participant's entry into one room."""

    room: str
    identity: str
    name: str = ""
    can_publish: bool = True
    can_subscribe: bool = True
    can_publish_data: bool = True
    hidden: bool = False  # not seen by the others: a supervisor who listens in
    admin: bool = False  # may use the server's API on this room
    kind: Kind = "standard"
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


def make_token(api_key: str, api_secret: str, grant: Grant, *, ttl_s: float = TTL_S, now_s: float | None = None) -> str:
    """A token that lets *grant* in for *ttl_s* seconds from *now_s* (the wall clock).

    Raises:
        ValueError: the grant names no room or no identity, or the key is empty.
    """
    if not (grant.room and grant.identity and api_key and api_secret):
        raise ValueError("a token needs a key, a secret, a room and an identity")
    now = time.time() if now_s is None else now_s
    video: dict[str, Any] = {
        "roomJoin": True,
        "room": grant.room,
        "canPublish": grant.can_publish,
        "canSubscribe": grant.can_subscribe,
        "canPublishData": grant.can_publish_data,
    }
    if grant.hidden:
        video["hidden"] = True
    if grant.admin:
        video["roomAdmin"] = True
    claims: dict[str, Any] = {
        "iss": api_key,
        "sub": grant.identity,
        "name": grant.name,
        "nbf": int(now),
        "exp": int(now + ttl_s),
        "video": video,
    }
    if grant.kind != "standard":
        claims["kind"] = grant.kind
    if grant.metadata:
        claims["metadata"] = grant.metadata
    if grant.attributes:
        claims["attributes"] = dict(grant.attributes)
    return jwt.encode(claims, api_secret, algorithm="HS256")


def verify_token(token: str, api_key: str, api_secret: str) -> Grant:
    """What *token* grants.

    Raises:
        TokenInvalid: not signed with our secret, not by our key, expired or not yet valid, or no entry into a room.
    """
    try:
        claims = jwt.decode(
            token,
            api_secret,
            algorithms=["HS256"],
            issuer=api_key,
            leeway=LEEWAY_S,
            options={"require": ["exp", "iss", "sub"]},
        )
    except jwt.PyJWTError as error:
        raise TokenInvalid(f"the token is not valid: {error}") from error
    video = claims.get("video")
    if not isinstance(video, dict) or not video.get("roomJoin") or not video.get("room"):
        raise TokenInvalid("the token grants entry into no room")
    return Grant(
        room=str(video["room"]),
        identity=str(claims["sub"]),
        name=str(claims.get("name", "")),
        can_publish=video.get("canPublish", True) is True,
        can_subscribe=video.get("canSubscribe", True) is True,
        can_publish_data=video.get("canPublishData", True) is True,
        hidden=video.get("hidden") is True,
        admin=video.get("roomAdmin") is True,
        kind=_kind(claims.get("kind")),
        metadata=str(claims.get("metadata", "")),
        attributes=dict(claims.get("attributes") or {}),
    )


def _kind(said: object) -> Kind:
    return said if said == "sip" or said == "agent" else "standard"
