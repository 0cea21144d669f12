"""What the tests of the domains share: an organisation with attendants, and calls that wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from config.control import QueueSettings
from control.auth import Actor
from control.bus import Bus, replay
from control.conversations import Conversations
from control.crm import Contacts, Records
from control.db import Database
from control.queues import Dispatcher, Queues, ensure_organisation
from control.tickets import Tickets


@dataclass
class House:
    """One organisation and its domains."""

    db: Database
    organisation_id: UUID
    conversations: Conversations
    queues: Queues
    tickets: Tickets
    contacts: Contacts
    records: Records
    settings: QueueSettings

    async def attendant(self, name: str = "Maria Santos", *, status: str = "online", **columns: Any) -> Actor:
        number = 1 + await self.db.value("SELECT count(*) FROM users WHERE organisation_id = $1", self.organisation_id)
        code = f"att-{number:03d}"
        values = {
            "username": code, "email": f"{uuid4().hex}@example.com", "name": name, "attendant_code": code,
            "role": "attendant", **columns,
        }  # fmt: skip
        user_id = await self.db.value(
            "INSERT INTO users (organisation_id, username, email, name, attendant_code, role, preferences, channels)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
            self.organisation_id, values["username"], values["email"], name, code, values["role"],
            values.get("preferences"), values.get("channels", ["all"]),
        )  # fmt: skip
        actor = Actor(self.organisation_id, user_id, code, name, values["role"])
        if status != "offline":
            await self.queues.set_presence(actor, status)
        return actor

    async def call(self, phone: str = "+5511999990001", name: str = "João", **open_call: Any) -> tuple[UUID, UUID]:
        """A call with the bot: conversation and call."""
        call_id = uuid4()
        opened = await self.conversations.open_call(
            self.organisation_id, call_id, phone=phone, name=name, answered=True, **open_call
        )
        return opened.session_id, call_id

    async def waiting(self, phone: str = "+5511999990001", **enter: Any) -> tuple[UUID, UUID]:
        session_id, call_id = await self.call(phone)
        await self.queues.enter(self.organisation_id, session_id, **enter)
        await self.conversations.advance_call(self.organisation_id, call_id, "queued")
        return session_id, call_id

    async def status(self, session_id: UUID) -> str:
        return str((await self.conversations.item(self.organisation_id, session_id))["status"])

    async def told(self, type: str | None = None) -> list[Any]:
        async with self.db.transaction() as tx:
            events, _ = await replay(tx, self.organisation_id, 0)
        assert events is not None
        return [event for event in events if type is None or event.type == type]

    def dispatcher(self, bus: Bus | None = None) -> Dispatcher:
        return Dispatcher(self.db, bus or Bus(self.db), self.settings)


async def house(db: Database, name: str = "Acme", settings: QueueSettings | None = None) -> House:
    settings = settings or QueueSettings()
    organisation_id = await ensure_organisation(db, name, settings)
    return House(
        db, organisation_id, Conversations(db), Queues(db, settings), Tickets(db), Contacts(db), Records(db), settings
    )
