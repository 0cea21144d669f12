"""People: the first one, new ones, attendants from a file.

An address signs in to one organisation, because the form asks for none. Every user gets an attendant code (``att-001``,
D7): whoever may sign in may serve customers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ..db import Database, Tx, UniqueViolation, load_sql
from ..errors import Conflict, Invalid, NotFound
from . import audit
from .actor import Role
from .passwords import Passwords, check_new, one_time_password

sql = load_sql("control.auth")

FIRST_EMAIL = "admin@localhost"
FIRST_NAME = "Administrador"
_EMAIL = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+")
_CODE = re.compile(r"[A-Za-z0-9._-]{1,50}")
CHANNELS = frozenset({"all", "voice", "whatsapp", "telegram", "web", "instagram", "messenger", "sms", "teams", "email"})
COLUMNS = ("id", "name", "channel", "preferences", "department", "aliases", "phone", "email")  # S69


@dataclass(frozen=True, slots=True)
class FirstUser:
    """Printed once, to the one who started the product."""

    email: str
    password: str  # one time: it must be changed at the first sign-in


async def ensure_first_user(
    db: Database, passwords: Passwords, organisation_id: UUID, *, email: str = FIRST_EMAIL
) -> FirstUser | None:
    """An administrator for an organisation that has nobody.

    None: somebody can sign in already. While nobody ever has, each call makes a new password, because the one that was
    printed before may be lost.
    """
    async with db.transaction() as tx:
        known = await tx.value(sql.count_users, organisation_id=organisation_id)
        if known and await tx.row(sql.never_used_first_user, organisation_id=organisation_id) is None:
            return None  # every start but the first few: no hash is computed
    password = one_time_password()
    hashed = await passwords.hash(password)
    async with db.transaction() as tx:
        unused = await tx.row(sql.never_used_first_user, organisation_id=organisation_id)
        if unused is not None:
            await tx.run(sql.set_password, user_id=unused["id"], new=hashed, must_change=True)
            return FirstUser(unused["email"], password)
        if await tx.value(sql.count_users, organisation_id=organisation_id):
            return None
        await _add(tx, organisation_id, email, FIRST_NAME, Role.ADMIN, hashed, must_change=True)
    audit.log("first_user_added", email=email, organisation_id=str(organisation_id))
    return FirstUser(email, password)


async def add_user(
    db: Database,
    passwords: Passwords,
    organisation_id: UUID,
    *,
    email: str,
    name: str,
    role: Role = Role.ATTENDANT,
    password: str | None = None,
) -> tuple[UUID, str | None]:
    """A new user: the id, and the one-time password when none was given.

    Raises:
        Invalid: the address or the password can't be used.
        Conflict: the address is taken.
    """
    email = email.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise Invalid(f"{email!r} is no e-mail address", code="email", field="email")
    if password is not None:
        check_new(password, email=email)
    made = one_time_password() if password is None else None
    hashed = await passwords.hash(password or made or "")
    try:
        async with db.transaction() as tx:
            user_id = await _add(
                tx, organisation_id, email, name.strip() or email, role, hashed, must_change=bool(made)
            )
    except UniqueViolation as error:
        raise Conflict(f"{email} is a user already", code="email_taken") from error
    audit.log("user_added", email=email, organisation_id=str(organisation_id), role=str(role))
    return user_id, made


async def reset_password(db: Database, passwords: Passwords, email: str, password: str | None = None) -> str | None:
    """Give a user a password and end their sessions. The one-time password when none was given.

    Raises:
        NotFound: nobody has this address.
    """
    if password is not None:
        check_new(password, email=email)
    made = one_time_password() if password is None else None
    hashed = await passwords.hash(password or made or "")
    async with db.transaction() as tx:
        user = await tx.row(sql.user_by_email, email=email.strip())
        if user is None:
            raise NotFound(f"nobody signs in as {email}")
        await tx.run(sql.set_password, user_id=user["id"], new=hashed, must_change=made is not None)
        await tx.fetch(sql.end_other_sessions, user_id=user["id"], keep=None)
    audit.log("password_reset", email=email)
    return made


async def _add(
    tx: Tx, organisation_id: UUID, email: str, name: str, role: Role, hashed: str, *, must_change: bool
) -> UUID:
    user_id = await tx.value(
        sql.add_user,
        organisation_id=organisation_id,
        username=email,
        email=email,
        name=name,
        password_hash=hashed,
        must_change=must_change,
        role=str(role),
        attendant_code=await _next_code(tx, organisation_id),
    )
    await tx.run(sql.add_presence, organisation_id=organisation_id, user_id=user_id)
    return UUID(str(user_id))


async def _next_code(tx: Tx, organisation_id: UUID) -> str:
    while True:
        number = await tx.value(sql.next_attendant_number, organisation_id=organisation_id)
        code = f"att-{number:03d}"
        if not await tx.value(sql.code_taken, organisation_id=organisation_id, code=code):
            return code


# -- attendant.csv (S69, D3) ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AttendantRow:
    code: str
    name: str
    channels: tuple[str, ...]
    preferences: str | None
    department: str | None
    aliases: tuple[str, ...]
    phone: str | None
    email: str


@dataclass(frozen=True, slots=True)
class Imported:
    added: int
    changed: int
    unchanged: int
    user_ids: tuple[UUID, ...]  # added or changed


def parse_attendants(text: str) -> list[AttendantRow]:
    """The rows of an ``attendant.csv``. Columns may stand in any order, and columns we don't know are left out.

    Raises:
        Invalid: the first thing that is wrong, with its line.
    """
    lines = [line for line in text.removeprefix("\ufeff").splitlines() if line.strip() and not line.startswith("#")]
    reader = csv.DictReader(io.StringIO("\n".join(lines)), skipinitialspace=True)
    missing = [name for name in ("id", "name", "channel") if name not in (reader.fieldnames or ())]
    if missing:
        raise Invalid(f"the first line must name the columns {', '.join(COLUMNS)}; missing: {', '.join(missing)}")
    rows: list[AttendantRow] = []
    for number, cells in enumerate(reader, start=2):
        cell = {key: (value or "").strip() for key, value in cells.items() if isinstance(key, str)}
        row = AttendantRow(
            code=cell["id"],
            name=cell["name"],
            channels=_list(cell["channel"]) or ("all",),
            preferences=cell.get("preferences") or None,
            department=cell.get("department") or None,
            aliases=_list(cell.get("aliases", "")),
            phone=cell.get("phone") or None,
            email=(cell.get("email") or f"{cell['id']}@attendants.invalid").lower(),
        )
        unknown = [channel for channel in row.channels if channel not in CHANNELS]
        if not _CODE.fullmatch(row.code):
            raise Invalid(f"row {number}: {row.code!r} is no attendant id", field="id")
        if not row.name:
            raise Invalid(f"row {number}: {row.code} has no name", field="name")
        if unknown:
            raise Invalid(
                f"row {number}: {unknown[0]!r} is no channel ({', '.join(sorted(CHANNELS))})", field="channel"
            )
        if any(other.code == row.code for other in rows):
            raise Invalid(f"row {number}: {row.code} stands twice", field="id")
        rows.append(row)
    return rows


async def import_attendants(db: Database, organisation_id: UUID, rows: Sequence[AttendantRow]) -> Imported:
    """Add or update attendants by their id; all or none. A second import of the same file changes nothing.

    A new one can't sign in until ``user password`` gives them a password.

    Raises:
        Conflict: an e-mail address belongs to another user.
    """
    added = changed = 0
    touched: list[UUID] = []
    try:
        async with db.transaction() as tx:
            for row in rows:
                result = await tx.row(
                    sql.import_attendant,
                    organisation_id=organisation_id,
                    email=row.email,
                    name=row.name,
                    code=row.code,
                    channels=list(row.channels),
                    preferences=row.preferences,
                    department=row.department,
                    aliases=list(row.aliases),
                    phone=row.phone,
                )
                if result is None:
                    continue
                added += bool(result["added"])
                changed += not result["added"]
                touched.append(UUID(str(result["id"])))
                await tx.run(sql.add_presence, organisation_id=organisation_id, user_id=result["id"])
    except UniqueViolation as error:
        raise Conflict("an e-mail address in the file belongs to another user", code="email_taken") from error
    return Imported(added, changed, len(rows) - added - changed, tuple(touched))


def _list(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(";") if part.strip())
