"""Signing in: cookies, CSRF, guessing, passwords, roles."""

from __future__ import annotations

from pathlib import Path

import pytest

from control.auth.sessions import CSRF_COOKIE, SESSION_COOKIE
from control.auth.users import ensure_first_user, reset_password
from control.db import Database

from .http_door import PASSWORD, Browser, Door, door, open_door

__all__ = ["door"]


async def error(response: object) -> dict[str, str]:
    return (await response.json())["error"]  # type: ignore[attr-defined]


async def test_a_session_is_opened_shown_and_ended(door: Door) -> None:
    ana = await door.person("ana@loja.example")
    me = await (await ana.get("/api/auth/me")).json()
    assert me == ana.me
    assert me["user"]["email"] == "ana@loja.example"
    assert me["user"]["attendant_id"] == "att-001"
    assert me["user"]["must_change_password"] is False
    assert me["organisation"]["name"] == "Loja"
    stolen = ana.client.session.cookie_jar.filter_cookies(ana.client.make_url("/"))[SESSION_COOKIE].value
    assert (await ana.post("/api/auth/sign-out")).status == 200
    answer = await ana.get("/api/auth/me", headers={"Cookie": f"{SESSION_COOKIE}={stolen}"})
    assert answer.status == 401


async def test_cookies_are_kept_from_scripts_and_from_other_sites(door: Door) -> None:
    browser = await door.browser()
    await door.person("ana@loja.example")
    response = await browser.sign_in("ana@loja.example")
    session, csrf = response.cookies[SESSION_COOKIE], response.cookies[CSRF_COOKIE]
    assert (session["httponly"], session["samesite"], session["path"]) == (True, "Lax", "/")
    assert (csrf["httponly"], csrf["samesite"]) == ("", "Lax")
    assert not session["secure"]  # plain http on this machine
    assert session.value != csrf.value


@pytest.mark.parametrize(("trusted", "secure"), [(("127.0.0.0/8",), True), ((), False)])
async def test_a_proxy_s_word_on_https_counts_when_the_proxy_is_trusted(
    database: Database, tmp_path: Path, trusted: tuple[str, ...], secure: bool
) -> None:
    async for behind in open_door(database, tmp_path, trusted_proxies=trusted):
        await behind.person("ana@loja.example")
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
        body = {"email": "ana@loja.example", "password": PASSWORD}
        response = await (await behind.browser()).post("/api/auth/sign-in", body, headers=headers)
        assert bool(response.cookies[SESSION_COOKIE]["secure"]) is secure
        assert ("Strict-Transport-Security" in response.headers) is secure
        seen = await behind.db.value("SELECT ip FROM user_sessions ORDER BY created_at DESC LIMIT 1")
        assert seen == ("203.0.113.9" if secure else "127.0.0.1")


@pytest.mark.parametrize("email", ["ana@loja.example", "nobody@loja.example"])
async def test_a_wrong_password_and_an_unknown_address_are_told_alike(door: Door, email: str) -> None:
    await door.person("ana@loja.example")
    browser = await door.browser()
    response = await browser.sign_in(email, "not the password")
    assert response.status == 401
    assert (await error(response))["code"] == "wrong_credentials"
    assert SESSION_COOKIE not in response.cookies


async def test_an_unknown_address_costs_as_much_work_as_a_known_one(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Constant time: the same hash is computed whether or not there is such a user."""
    await door.person("ana@loja.example")
    checked: list[bytes] = []
    real = door.passwords._verify
    monkeypatch.setattr(door.passwords, "_verify", lambda stored, word: checked.append(word) or real(stored, word))
    browser = await door.browser()
    await browser.sign_in("ana@loja.example", "wrong one")
    await browser.sign_in("nobody@loja.example", "wrong two")
    assert checked == [b"wrong one", b"wrong two"]


async def test_guessing_has_to_wait(door: Door) -> None:
    await door.person("ana@loja.example")
    browser = await door.browser()
    for _ in range(3):
        assert (await browser.sign_in("ana@loja.example", "guess")).status == 401
    refused = await browser.sign_in("ana@loja.example")  # even the right one
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) in range(1, 61)
    assert (await error(refused))["code"] == "too_many_attempts"


async def test_what_changes_something_needs_the_csrf_token(door: Door) -> None:
    ana = await door.person("ana@loja.example")
    for wrong in ("", "x" * 32, "ção"):
        answer = await ana.client.post("/api/auth/sign-out", headers={"X-CSRF-Token": wrong} if wrong else {})
        assert answer.status == 403
        assert (await error(answer))["code"] == "csrf"
    assert (await ana.post("/api/auth/sign-out")).status == 200


async def test_another_person_s_csrf_token_is_none(door: Door) -> None:
    ana, bia = await door.person("ana@loja.example"), await door.person("bia@loja.example")
    ana.csrf = bia.csrf
    assert (await ana.post("/api/auth/sign-out")).status == 403


async def test_other_sites_are_refused(door: Door) -> None:
    ana = await door.person("ana@loja.example")
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = await ana.post("/api/auth/sign-out", headers=headers)
        assert answer.status == 403
        assert (await error(answer))["code"] == "cross_site"
    own = f"http://{ana.client.host}:{ana.client.port}"
    assert (await ana.post("/api/auth/sign-out", headers={"Origin": own})).status == 200


async def test_the_first_user_changes_the_one_time_password_before_anything_else(door: Door) -> None:
    first = await ensure_first_user(door.db, door.passwords, await door.organisation())
    assert first is not None
    again = await ensure_first_user(door.db, door.passwords, await door.organisation())
    assert again is not None
    assert again.password != first.password  # the printed one was lost: a new one
    browser = await door.browser()
    assert (await browser.sign_in(first.email, first.password)).status == 401
    assert (await browser.sign_in(again.email, again.password)).status == 200
    assert browser.me["user"]["must_change_password"] is True
    assert browser.me["user"]["role"] == "admin"
    refused = await browser.get("/api/attendance/queue")
    assert (refused.status, (await error(refused))["code"]) == (403, "password_change_required")
    assert await ensure_first_user(door.db, door.passwords, await door.organisation()) is None
    changed = await browser.post("/api/auth/password", {"current": again.password, "new": PASSWORD})
    assert changed.status == 200, await changed.text()
    assert (await browser.get("/api/attendance/queue")).status == 200
    assert (await (await browser.get("/api/auth/me")).json())["user"]["must_change_password"] is False


@pytest.mark.parametrize(
    ("current", "new", "code", "field"),
    [
        ("wrong", "outra senha comprida", "wrong_password", "current"),
        (PASSWORD, "curta", "password_too_short", "new"),
        (PASSWORD, PASSWORD, "password_unchanged", "new"),
        (PASSWORD, "aaaaaaaaaaaa", "password_too_simple", "new"),
    ],
)
async def test_a_password_that_can_t_be_used_says_which_field(
    door: Door, current: str, new: str, code: str, field: str
) -> None:
    ana = await door.person("ana@loja.example")
    answer = await ana.post("/api/auth/password", {"current": current, "new": new})
    assert answer.status == 422
    told = await error(answer)
    assert (told["code"], told["field"]) == (code, field)


async def test_a_new_password_ends_the_other_sessions(door: Door) -> None:
    ana = await door.person("ana@loja.example")
    elsewhere: Browser = await door.browser()
    await elsewhere.sign_in("ana@loja.example")
    await ana.post("/api/auth/password", {"current": PASSWORD, "new": "outra senha comprida"})
    assert (await ana.get("/api/auth/me")).status == 200
    assert (await elsewhere.get("/api/auth/me")).status == 401
    made = await reset_password(door.db, door.passwords, "ANA@loja.example")
    assert (await ana.get("/api/auth/me")).status == 401
    assert made is not None
    assert (await elsewhere.sign_in("ana@loja.example", made)).status == 200


async def test_a_deactivated_user_is_out_at_once(door: Door) -> None:
    ana = await door.person("ana@loja.example")
    await door.db.run("UPDATE users SET is_active = false")
    assert (await ana.get("/api/auth/me")).status == 401
    assert (await ana.sign_in("ana@loja.example")).status == 401


async def test_a_session_that_was_not_used_ends(door: Door) -> None:
    ana = await door.person("ana@loja.example")
    await door.db.run(
        "UPDATE user_sessions SET expires_at = now() + interval '1 h', last_seen_at = now() - interval '1 h'"
    )
    assert (await ana.get("/api/auth/me")).status == 200
    assert await door.db.value("SELECT expires_at > now() + interval '11 h' FROM user_sessions")  # used: renewed
    await door.db.run("UPDATE user_sessions SET expires_at = now() - interval '1 s'")
    answer = await ana.get("/api/auth/me")
    assert (answer.status, (await error(answer))["code"]) == (401, "session_ended")


async def test_the_database_holds_no_token(door: Door) -> None:
    ana = await door.person("ana@loja.example")
    cookie = ana.client.session.cookie_jar.filter_cookies(ana.client.make_url("/"))[SESSION_COOKIE].value
    row = await door.db.one("SELECT token_hash, password_hash FROM user_sessions JOIN users u ON u.id = user_id")
    assert cookie.encode() not in row["token_hash"]
    assert row["password_hash"].startswith("$argon2id$")
