"""Every error of the control plane that a caller may act on.

    ControlError
    ├── Invalid              what was sent cannot be used; ``field`` names it         (422)
    ├── Unauthenticated      nobody is signed in, or the password is wrong            (401)
    ├── Forbidden            signed in, but not allowed                               (403)
    ├── NotFound             there is none *for this organisation*                    (404)
    ├── Conflict             the state refuses it; ``state`` is the current one       (409)
    ├── TooMany              a bound was reached: a queue, a rate                     (429)
    └── DatabaseUnavailable  PostgreSQL did not answer in time; nothing was written   (503)
        └── CommitUncertain  the connection broke while committing; read before a second try

HTTP and SIP statuses are derived from these classes in one table each (``control/http``, ``control/telephony``).
"""

from __future__ import annotations

from enum import StrEnum


class Blame(StrEnum):
    """Who can do something about it."""

    CALLER = "caller"  # the one who asked
    SERVER = "server"  # us
    DEPENDENCY = "dependency"  # something we need: the database, a vendor


class Retry(StrEnum):
    NO = "no"  # the same request fails again
    LATER = "later"  # the same request may succeed later


class ControlError(Exception):
    """*message* is for a person (English, D11); ``code`` is for programs and never changes."""

    code = "error"
    blame = Blame.SERVER
    retry = Retry.NO

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        if code is not None:
            self.code = code


class Invalid(ControlError):
    code, blame = "invalid", Blame.CALLER


class Unauthenticated(ControlError):
    code, blame = "unauthenticated", Blame.CALLER


class Forbidden(ControlError):
    code, blame = "forbidden", Blame.CALLER


class NotFound(ControlError):
    """Also the answer for a row of another organisation: its existence is not ours to tell (D15)."""

    code, blame = "not_found", Blame.CALLER


class Conflict(ControlError):
    """``state`` is what the row is in now, so that a client can correct its view (D4)."""

    code, blame = "conflict", Blame.CALLER

    def __init__(self, message: str, *, state: str | None = None, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.state = state


class TooMany(ControlError):
    code, blame, retry = "too_many", Blame.CALLER, Retry.LATER

    def __init__(self, message: str, *, retry_after_s: float | None = None, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class DatabaseUnavailable(ControlError):
    code, blame, retry = "database_unavailable", Blame.DEPENDENCY, Retry.LATER
    retry_after_s = 2.0


class CommitUncertain(DatabaseUnavailable):
    code = "commit_uncertain"
