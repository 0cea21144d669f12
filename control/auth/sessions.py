"""Sign in, recognise, sign out.

The cookie holds 256 random bits; the database holds their SHA-256, so a copy of the table signs nobody in. Each session
has a CSRF token of its own: who sends it back could read this session's cookies, so it is a page of ours. A session
ends *hours* after its last use, on sign-out, with the user's deactivation, and when the password changes.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ..db import Database, load_sql
from ..errors import Invalid, Unauthenticated
from . import audit
from .actor import Actor, Role
from .limiter import SignInLimiter
from .passwords import Passwords, check_new

SESSION_COOKIE = "attendance_session"
CSRF_COOKIE = "attendance_csrf"
CSRF_HEADER = "X-CSRF-Token"
COOKIE_S = 30 * 86_400  # what browsers keep; when a session ends is decided here, by its last use
RENEW_AFTER_S = 300.0  # a session's end is moved at most this often, to spare the database a write per request

log = logging.getLogger(__name__)
sql = load_sql("control.auth")


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser."""

    id: UUID
    actor: Actor
    email: str
    organisation_name: str
    must_change_password: bool
    csrf: str

    def public(self) -> dict[str, Any]:
        """What the console is told about the one who signed in."""
        actor = self.actor
        return {
            "user": {
                "id": str(actor.user_id),
                "name": actor.name,
                "email": self.email,
                "role": actor.role,
                "attendant_id": actor.attendant_code,
                "must_change_password": self.must_change_password,
            },
            "organisation": {"id": str(actor.organisation_id), "name": self.organisation_name},
            "csrf": self.csrf,
        }


class Sessions:
    """The sessions of every organisation. One per process."""

    def __init__(self, db: Database, passwords: Passwords, limiter: SignInLimiter, *, hours: float = 12.0) -> None:
        self._db = db
        self._passwords = passwords
        self.limiter = limiter
        self._life = timedelta(hours=hours)

    async def sign_in(self, email: str, password: str, *, address: str, agent: str = "") -> tuple[str, Session]:
        """Check a password and open a session: the cookie's value and the session.

        A wrong password and an unknown address are told alike and take equally long.

        Raises:
            Unauthenticated: they don't match, or the user is not active.
            TooMany: too many attempts from this address or on this account.
        """
        email = email.strip().lower()
        self.limiter.attempt(address, email)
        user = await self._db.row(sql.user_to_sign_in, email=email)
        stored = user["password_hash"] if user is not None else None
        if not await self._passwords.verify(stored, password) or user is None:
            audit.log("sign_in_refused", address=address, email=email)
            raise Unauthenticated("the e-mail address or the password is wrong", code="wrong_credentials")
        self.limiter.succeeded(address, email)
        token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
        new = await self._passwords.hash(password) if self._passwords.outdated(user["password_hash"]) else None
        async with self._db.transaction() as tx:
            if new is not None:
                await tx.run(sql.replace_hash, user_id=user["id"], old=user["password_hash"], new=new)
            session_id = await tx.value(
                sql.open_session,
                organisation_id=user["organisation_id"],
                user_id=user["id"],
                token_hash=_hash(token),
                csrf=csrf,
                address=address,
                agent=agent[:200],
                expires_at=datetime.now(UTC) + self._life,
            )
            await tx.run(sql.signed_in, user_id=user["id"])
            await tx.run(sql.forget_ended_sessions)
        session = _session({**user, "session_id": session_id, "csrf": csrf})
        audit.log("signed_in", session.actor, address=address, email=email)
        return token, session

    async def authenticate(self, token: str) -> Session:
        """The session of a cookie's value.

        Raises:
            Unauthenticated: none, ended, or its user is not active any more.
        """
        if not 20 <= len(token) <= 200:
            raise Unauthenticated("sign in first")
        row = await self._db.row(sql.session_of_token, token_hash=_hash(token))
        if row is None:
            raise Unauthenticated("the session has ended; sign in again", code="session_ended")
        if (datetime.now(UTC) - row["last_seen_at"]).total_seconds() > RENEW_AFTER_S:
            expires_at = datetime.now(UTC) + self._life
            await self._db.run(sql.renew_session, session_id=row["session_id"], expires_at=expires_at)
        return _session(row)

    async def sign_out(self, session: Session) -> None:
        await self._db.run(sql.end_session, session_id=session.id)
        audit.log("signed_out", session.actor)

    async def alive(self, session_ids: Collection[UUID]) -> frozenset[UUID]:
        """Those of *session_ids* that still hold: what the hub asks about its sockets now and then."""
        rows = await self._db.fetch(sql.live_sessions, session_ids=list(session_ids))
        return frozenset(row["id"] for row in rows)

    async def change_password(self, session: Session, current: str, new: str, *, address: str) -> frozenset[UUID]:
        """Replace the password of the one who is signed in and end all their other sessions; the ids of these.

        Raises:
            Invalid: *current* is wrong (``wrong_password``), or *new* is refused.
            TooMany: *current* was wrong too often.
        """
        check_new(new, email=session.email)
        if hmac.compare_digest(current.encode(), new.encode()):
            raise Invalid("the new password is the old one", code="password_unchanged", field="new")
        self.limiter.attempt(address, session.email)
        row = await self._db.one(sql.hash_of_user, user_id=session.actor.user_id)
        if not await self._passwords.verify(row["password_hash"], current):
            audit.log("password_change_refused", session.actor, address=address)
            raise Invalid("the current password is wrong", code="wrong_password", field="current")
        self.limiter.succeeded(address, session.email)
        hashed = await self._passwords.hash(new)
        async with self._db.transaction() as tx:
            await tx.run(sql.set_password, user_id=session.actor.user_id, new=hashed, must_change=False)
            ended = await tx.fetch(sql.end_other_sessions, user_id=session.actor.user_id, keep=session.id)
        audit.log("password_changed", session.actor, address=address)
        return frozenset(row["id"] for row in ended)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _session(row: Mapping[str, Any]) -> Session:
    return Session(
        id=UUID(str(row["session_id"])),
        actor=Actor(
            organisation_id=UUID(str(row["organisation_id"])),
            user_id=UUID(str(row["id"])),
            attendant_code=row["attendant_code"] or "",
            name=row["name"],
            role=Role(row["role"]),
        ),
        email=row["email"],
        organisation_name=row["organisation_name"],
        must_change_password=row["must_change_password"],
        csrf=row["csrf"],
    )
