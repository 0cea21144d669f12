"""What is written down about who did what: one log line each, under a logger of its own to keep it apart."""

from __future__ import annotations

import logging

from .actor import Actor

_log = logging.getLogger("attendance.audit")


def log(action: str, actor: Actor | None = None, *, address: str = "", email: str = "", **about: object) -> None:
    """*action* is a constant name. The e-mail and the network address are personal data."""
    extra: dict[str, object] = {"action": action, **about}
    if actor is not None:
        extra |= {"organisation_id": str(actor.organisation_id), "user_id": str(actor.user_id)}
    if address:
        extra["pii.address"] = address
    if email:
        extra["pii.email"] = email
    _log.info("audit", extra=extra)
