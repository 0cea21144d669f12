"""What is done with a conversation that needs a person. Each method: check and lock, write, tell after commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from config.control import QueueSettings

from .. import events
from ..conversations import (
    ConversationEvent,
    Status,
    conversation_closed,
    item_of,
    lock_conversation,
    merge_context,
    move,
    note_event,
    offer_settled,
    queue_update,
    settle_offers,
)
from ..db import Database, Row, Tx, load_sql
from ..errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from ..events import iso
from ..tickets import reopen_ticket, resolve_ticket, wrap_up
from .attendants import find_attendant, public_attendant, tell_attendant, write_presence
from .routing import Candidate, choose, estimated_wait_s
from .targets import Target, find_target, fold, priority_of

if TYPE_CHECKING:
    from ..auth import Actor

sql = load_sql("control.queues")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a waiting conversation stands."""

    queue_id: UUID
    queue_name: str
    position: int  # from 1
    estimated_wait_s: int
    attendants_online: int  # who serve the queue and are at work: 0 is D13
    waited_s: float
    max_wait_s: int


@dataclass(frozen=True, slots=True)
class Entered:
    place: Place
    item: dict[str, Any]
    wanted_name: str | None  # the attendant who was asked for


class Queues:
    def __init__(self, db: Database, settings: QueueSettings | None = None) -> None:
        self._db = db
        self._settings = settings or QueueSettings()

    # -- waiting -----------------------------------------------------------------------------------------------------

    async def enter(
        self, organisation_id: UUID, session_id: UUID, *, target: str | None = None, attendant: str | None = None,
        department: str | None = None, priority: str | int | None = None, reason: str | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> Entered:  # fmt: skip
        """TRANSFER TO HUMAN (S13, S56): into the queue that *target* or *department* names, else the default one.

        *target* may also be an attendant's name; *attendant* must be one. Asked again while it waits, the conversation
        keeps its place.

        Raises:
            NotFound: no such conversation, attendant (code ``attendant_not_found``) or no queue (``no_queue``).
            Conflict: somebody serves the customer already, or the conversation is over (``state``).
            TooMany: the queue is full (code ``queue_full``).
        """
        async with self._db.transaction() as tx:
            conversation = await lock_conversation(tx, organisation_id, session_id)
            if conversation["status"] not in (Status.BOT, Status.WAITING):
                raise Conflict(f"the conversation is {conversation['status']}", state=conversation["status"])
            found = await find_target(
                tx, organisation_id, channel=conversation["channel"], target=target, attendant=attendant,
                department=department,
            )  # fmt: skip
            extra = {**(context or {})}
            if found.topic and "topic" not in conversation["context_data"]:
                extra.setdefault("topic", found.topic)
            item = await self._into_queue(
                tx, conversation, found, priority_of(priority, conversation["priority"]), reason, extra,
                keep_place=conversation["status"] == Status.WAITING,
            )  # fmt: skip
            place = await self._place(tx, organisation_id, session_id)
            assert place is not None
            await self._tell_new(tx, organisation_id, item)
            return Entered(place, item, found.wanted["name"] if found.wanted else None)

    async def position(self, organisation_id: UUID, session_id: UUID) -> Place | None:
        """Where the conversation stands; None when it does not wait (any more)."""
        async with self._db.transaction() as tx:
            return await self._place(tx, organisation_id, session_id)

    async def requeue(self, organisation_id: UUID, session_id: UUID, *, reason: str) -> dict[str, Any]:
        """Its attendant is gone: back into its queue, at the place that its first waiting gave it. The item."""
        async with self._db.transaction() as tx:
            conversation = await lock_conversation(tx, organisation_id, session_id)
            was = conversation["assigned_to"]
            target = await self._queue_again(tx, conversation)
            item = await self._into_queue(
                tx, conversation, target, conversation["priority"], reason, {}, keep_place=True
            )
            if was:
                await tell_attendant(tx, organisation_id, was)
            await self._tell_new(tx, organisation_id, item)
            return item

    async def request_callback(self, organisation_id: UUID, session_id: UUID, reason: str) -> dict[str, Any]:
        """The caller would rather be called back (*reason* ``caller``), or waited too long (``max_wait``): written down
        once. The conversation keeps its place though the call ends: whoever takes it calls back (D13). The item.

        Raises:
            Conflict: it does not wait (``state``).
            Invalid: there is no number to call.
        """
        async with self._db.transaction() as tx:
            conversation = await lock_conversation(tx, organisation_id, session_id)
            if conversation["status"] != Status.WAITING:
                raise Conflict(f"the conversation is {conversation['status']}", state=conversation["status"])
            if not conversation["customer_phone"]:
                raise Invalid("there is no number to call back", field="phone")
            await tx.run(
                sql.request_callback, organisation_id=organisation_id, conversation_id=session_id,
                phone=conversation["customer_phone"], reason=reason,
            )  # fmt: skip
            await merge_context(tx, conversation, {"callback_requested": True})
            text = "O cliente pediu para ser chamado de volta"
            await note_event(tx, organisation_id, session_id, text, "callback_requested", reason=reason)
            return await queue_update(tx, organisation_id, session_id)

    # -- offers ------------------------------------------------------------------------------------------------------

    async def offers(self, actor: Actor) -> list[dict[str, Any]]:
        """What rings at the actor now."""
        async with self._db.transaction() as tx:
            rows = await tx.fetch(sql.live_offers, organisation_id=actor.organisation_id, user_id=actor.user_id)
            return [await offer_shape(tx, row) for row in rows]

    async def accept(self, actor: Actor, offer_id: UUID) -> dict[str, Any]:
        """The actor takes what rings at them. The item, now ``active``.

        Raises:
            NotFound: no such offer, or it is somebody else's.
            Conflict: it is settled (``state`` is how), or ran out (``expired``).
        """
        async with self._db.transaction() as tx:
            offer = await self._own_offer(tx, actor, offer_id)
            conversation = await lock_conversation(tx, actor.organisation_id, offer["conversation_id"])
            offer = await tx.one(sql.lock_offer, organisation_id=actor.organisation_id, id=offer_id)
            if offer["settled_at"] is not None or offer["late"]:
                state = offer["outcome"] or "expired"
                raise Conflict(f"the offer is {state}", state=state, code="offer_settled")
            return await self._activate(tx, actor, conversation)

    async def decline(self, actor: Actor, offer_id: UUID) -> None:
        """Not now: the next one is asked. Raises as ``accept``."""
        async with self._db.transaction() as tx:
            await self._own_offer(tx, actor, offer_id)
            offer = await tx.row(
                sql.settle_offer, organisation_id=actor.organisation_id, id=offer_id, outcome="declined"
            )
            if offer is None:
                settled = await tx.one(sql.offer, organisation_id=actor.organisation_id, id=offer_id)
                raise Conflict(f"the offer is {settled['outcome']}", state=settled["outcome"], code="offer_settled")
            offer_settled(tx, actor.organisation_id, offer_id, offer["conversation_id"], "declined")

    # -- in hands ----------------------------------------------------------------------------------------------------

    async def take(self, actor: Actor, session_id: UUID) -> dict[str, Any]:
        """``/take``: the actor takes a waiting conversation, or begins the one assigned to them. Two at once: the
        second gets ``Conflict`` with the state and who has it. The item."""
        async with self._db.transaction() as tx:
            conversation = await lock_conversation(tx, actor.organisation_id, session_id)
            if conversation["status"] == Status.ACTIVE and conversation["assigned_to"] == actor.user_id:
                return await item_of(tx, actor.organisation_id, session_id)
            if conversation["assigned_to"] not in (None, actor.user_id):
                raise Conflict("somebody else has this conversation", state=conversation["status"], code="taken")
            return await self._activate(tx, actor, conversation)

    async def assign(self, actor: Actor, session_id: UUID, attendant: str | UUID) -> dict[str, Any]:
        """Give it to an attendant, by id or code (S60). They begin with ``take``."""
        async with self._db.transaction() as tx:
            conversation = await lock_conversation(tx, actor.organisation_id, session_id)
            _may_act(actor, conversation)
            person = await find_attendant(tx, actor.organisation_id, attendant)
            await self._assign(tx, actor, conversation, person, transferred=False, reason=None)
            return {
                "success": True,
                "session_id": str(session_id),
                "attendant_id": person["attendant_code"],
                "assigned_at": iso(datetime.now(UTC)),
            }

    async def transfer(
        self, actor: Actor, session_id: UUID, *, to_attendant: str | UUID | None = None, to_queue: str | None = None,
        reason: str | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Hand it on to an attendant (id or code) or to a queue (id or name), with its channel, customer and history.

        Raises:
            Invalid: neither or both are named.
            NotFound: no such attendant or queue.
            Conflict: the state refuses it.
        """
        if (to_attendant is None) == (to_queue is None):
            raise Invalid("a transfer names an attendant or a queue", field="to_attendant_id")
        organisation_id = actor.organisation_id
        async with self._db.transaction() as tx:
            conversation = await lock_conversation(tx, organisation_id, session_id)
            _may_act(actor, conversation)
            before = conversation["assigned_to"]
            if to_attendant is not None:
                person = await find_attendant(tx, organisation_id, to_attendant)
                await self._assign(tx, actor, conversation, person, transferred=True, reason=reason)
                target_name = person["name"]
            else:
                target = await self._named_queue(tx, organisation_id, str(to_queue))
                item = await self._into_queue(
                    tx, conversation, target, conversation["priority"], reason, {}, keep_place=False, transferred=True
                )
                await self._tell_new(tx, organisation_id, item)
                target_name = target.queue["name"]
            if before:
                await tell_attendant(tx, organisation_id, before)
            return {
                "success": True,
                "session_id": str(session_id),
                "from_attendant": actor.name,
                "to_attendant": target_name,
                "transferred_at": iso(datetime.now(UTC)),
            }

    async def resolve(
        self, actor: Actor, session_id: UUID, wrap_up_code: str, notes: str | None = None
    ) -> dict[str, Any]:
        """``/resolve``: done. The bot answers this customer again (S70), the ticket is made or resolved (S25, D5).

        Returns ``{success, session_id, resolved_at, ticket, item}``.

        Raises:
            Invalid: the wrap-up code is unknown (field ``wrap_up_code``) or asks for notes (``notes``).
            Conflict: it is resolved already.
            Forbidden: it is in somebody else's hands and the actor is no supervisor.
        """
        organisation_id = actor.organisation_id
        async with self._db.transaction() as tx:
            conversation = await lock_conversation(tx, organisation_id, session_id)
            _may_act(actor, conversation)
            await move(tx, conversation, ConversationEvent.RESOLVE)
            code = await wrap_up(tx, organisation_id, wrap_up_code, notes)
            text = (notes or "").strip() or None
            row = await tx.one(
                sql.set_resolved, organisation_id=organisation_id, id=session_id, user_id=actor.user_id,
                wrap_up_code=code.code,
            )  # fmt: skip
            await settle_offers(tx, organisation_id, session_id)
            served = conversation["assigned_to"] or actor.user_id
            if self._settings.wrap_up_s:
                await tx.run(
                    sql.begin_wrap_up, organisation_id=organisation_id, user_id=served,
                    wrap_up_s=self._settings.wrap_up_s,
                )  # fmt: skip
            ticket = await resolve_ticket(tx, actor, row, code, text)
            await note_event(
                tx, organisation_id, session_id, f"Resolvido por {actor.name}: {code.label}", "resolved",
                wrap_up_code=code.code, notes=text, ticket=ticket["display"],
            )  # fmt: skip
            item = await queue_update(tx, organisation_id, session_id)
            conversation_closed(tx, organisation_id, session_id)
            await tell_attendant(tx, organisation_id, served)
            return {
                "success": True,
                "session_id": str(session_id),
                "resolved_at": iso(row["resolved_at"]),
                "ticket": ticket,
                "item": item,
            }

    async def reopen(self, actor: Actor, session_id: UUID) -> dict[str, Any]:
        """A resolved or abandoned conversation goes on, in the actor's hands; its ticket with it (D5). The item."""
        async with self._db.transaction() as tx:
            conversation = await lock_conversation(tx, actor.organisation_id, session_id)
            await move(tx, conversation, ConversationEvent.REOPEN)
            await tx.one(sql.set_reopened, organisation_id=actor.organisation_id, id=session_id, user_id=actor.user_id)
            await reopen_ticket(tx, actor, session_id)
            await note_event(tx, actor.organisation_id, session_id, f"Reaberto por {actor.name}", "reopened")
            item = await queue_update(tx, actor.organisation_id, session_id)
            await tell_attendant(tx, actor.organisation_id, actor.user_id)
            return item

    async def check_serves(self, actor: Actor, session_id: UUID) -> None:
        """Raises ``NotFound``, or ``Forbidden`` when the conversation is in somebody else's hands (or nobody's)."""
        async with self._db.transaction() as tx:
            row = await tx.row(
                "SELECT assigned_to FROM conversations WHERE organisation_id = $1 AND id = $2",
                actor.organisation_id,
                session_id,
            )
        if row is None:
            raise NotFound(f"no conversation {session_id}")
        if row["assigned_to"] != actor.user_id and actor.role not in ("supervisor", "admin"):
            raise Forbidden("this conversation is in somebody else's hands")

    # -- attendants and queues ---------------------------------------------------------------------------------------

    async def set_presence(self, actor: Actor, status: str) -> str:
        """S64. Whoever stops being online stops being rung at. Raises ``Invalid``."""
        async with self._db.transaction() as tx:
            return await write_presence(tx, actor.organisation_id, actor.user_id, status)

    async def attendants(self, organisation_id: UUID) -> list[dict[str, Any]]:
        rows = await self._db.fetch(sql.attendants, organisation_id=organisation_id, user_id=None)
        return [public_attendant(row) for row in rows]

    async def queues(self, organisation_id: UUID) -> list[dict[str, Any]]:
        rows = await self._db.fetch(sql.queues, organisation_id=organisation_id)
        names = ("name", "description", "channels", "is_active", "is_default", "max_wait_seconds", "auto_assign")
        return [
            {"id": str(row["id"]), **{n: row[n] for n in names}, "members": row["members"], "waiting": row["waiting"]}
            for row in rows
        ]

    async def insights(
        self, organisation_id: UUID, *, queue_id: UUID | None = None, channel: str | None = None,
        attendant: str | UUID | None = None, since: datetime | None = None, until: datetime | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """The organisation's figures (D8, D10), of the last 24 hours unless told; None where nothing was measured."""
        async with self._db.transaction() as tx:
            person = await find_attendant(tx, organisation_id, attendant) if attendant else None
            row = await tx.one(
                sql.insights, organisation_id=organisation_id, queue_id=queue_id, channel=channel,
                user_id=person["id"] if person else None, since=since, until=until,
            )  # fmt: skip
        served, left = row["handled"], row["abandoned"]
        return {
            **{name: row[name] for name in ("conversations", "queued", "waiting", "active", "resolved", "abandoned")},
            "avg_wait_time": _rounded(row["avg_wait_s"]),
            "first_response_time": _rounded(row["first_response_s"]),
            "resolution_rate": _share(row["resolved"], row["resolved"] + left),
            "transfers_rate": _share(row["transferred"], served),
            "service_level": _share(row["within_target"], served + left),
        }

    # -- pieces ------------------------------------------------------------------------------------------------------

    async def _into_queue(
        self, tx: Tx, conversation: Row, target: Target, priority: int, reason: str | None, extra: Mapping[str, Any],
        *, keep_place: bool, transferred: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        organisation_id, session_id = conversation["organisation_id"], conversation["id"]
        event = ConversationEvent.ENQUEUE if conversation["status"] == Status.BOT else ConversationEvent.REQUEUE
        await move(tx, conversation, event)
        if conversation["queue_id"] != target.queue["id"] or conversation["status"] != Status.WAITING:
            waiting = await tx.value(sql.waiting_in, queue_id=target.queue["id"])
            if waiting >= target.queue["max_size"] and event is ConversationEvent.ENQUEUE:
                raise TooMany(f"the queue {target.queue['name']} is full", code="queue_full", retry_after_s=60)
        await settle_offers(tx, organisation_id, session_id)
        await tx.one(
            sql.enqueue, organisation_id=organisation_id, id=session_id, queue_id=target.queue["id"],
            wanted_user=target.wanted["id"] if target.wanted else None, priority=priority, keep_place=keep_place,
            transferred=int(transferred),
        )  # fmt: skip
        place = await self._place(tx, organisation_id, session_id)
        row = await lock_conversation(tx, organisation_id, session_id)
        await merge_context(
            tx, row,
            {
                **extra, "needs_human": True, "attendant_id": None, "attendant_name": None,
                "queue_position": place.position if place else None,
                "transfer_reason": reason or row["context_data"].get("transfer_reason"),
                "transfer_time": iso(datetime.now(UTC)),
            },
        )  # fmt: skip
        text = f"Transferido para a fila {target.queue['name']}" + (f": {reason}" if reason else "")
        await note_event(
            tx, organisation_id, session_id, text, "queued", queue=target.queue["name"], reason=reason,
            wanted=target.wanted["name"] if target.wanted else None,
        )  # fmt: skip
        return await queue_update(tx, organisation_id, session_id)

    async def _activate(self, tx: Tx, actor: Actor, conversation: Row) -> dict[str, Any]:
        await move(tx, conversation, ConversationEvent.ACCEPT)
        organisation_id, session_id = actor.organisation_id, conversation["id"]
        await settle_offers(tx, organisation_id, session_id, taker=actor.user_id)
        await tx.one(sql.lock_presence, organisation_id=organisation_id, user_id=actor.user_id)
        row = await tx.one(sql.set_active, organisation_id=organisation_id, id=session_id, user_id=actor.user_id)
        await merge_context(
            tx, row,
            {
                "needs_human": True, "attendant_id": actor.attendant_code, "attendant_name": actor.name,
                "queue_position": None,
            },
        )  # fmt: skip
        await note_event(
            tx, organisation_id, session_id, f"{actor.name} assumiu o atendimento", "accepted",
            attendant_id=actor.attendant_code,
        )  # fmt: skip
        item = await queue_update(tx, organisation_id, session_id)
        await tell_attendant(tx, organisation_id, actor.user_id)
        return item

    async def _assign(
        self, tx: Tx, actor: Actor, conversation: Row, person: Row, *, transferred: bool, reason: str | None
    ) -> None:
        await move(tx, conversation, ConversationEvent.ASSIGN)
        organisation_id, session_id = actor.organisation_id, conversation["id"]
        await settle_offers(tx, organisation_id, session_id)
        row = await tx.one(
            sql.set_assigned, organisation_id=organisation_id, id=session_id, user_id=person["id"],
            transferred=int(transferred),
        )  # fmt: skip
        await merge_context(
            tx, row,
            {
                "needs_human": True, "attendant_id": person["attendant_code"], "attendant_name": person["name"],
                "queue_position": None,
            },
        )  # fmt: skip
        verb = "Transferido" if transferred else "Atribuído"
        text = f"{verb} para {person['name']} por {actor.name}" + (f": {reason}" if reason else "")
        await note_event(
            tx, organisation_id, session_id, text, "transferred" if transferred else "assigned",
            to=person["attendant_code"], reason=reason,
        )  # fmt: skip
        await queue_update(tx, organisation_id, session_id)
        await tell_attendant(tx, organisation_id, person["id"])

    async def _own_offer(self, tx: Tx, actor: Actor, offer_id: UUID) -> Row:
        offer = await tx.row(sql.offer, organisation_id=actor.organisation_id, id=offer_id)
        if offer is None or offer["user_id"] != actor.user_id:
            raise NotFound(f"no offer {offer_id}")
        return offer

    async def _place(self, tx: Tx, organisation_id: UUID, session_id: UUID) -> Place | None:
        row = await tx.row(sql.place, organisation_id=organisation_id, id=session_id)
        if row is None:
            return None
        figures = await tx.one(sql.figures, organisation_id=organisation_id, queue_id=row["queue_id"])
        candidates = await free_attendants(tx, organisation_id, row["queue_id"], session_id)
        free = [c for c in candidates if choose([c], channel=row["channel"]) is not None]
        mean = figures["mean_handle_s"]
        estimate = estimated_wait_s(
            position=row["position"], attendants=figures["attendants"], free=len(free),
            mean_handle_s=None if mean is None else float(mean), ring_s=self._settings.ring_s,
        )  # fmt: skip
        return Place(
            row["queue_id"], row["queue_name"], row["position"], estimate, figures["attendants"],
            float(row["waited_s"]), row["max_wait_seconds"],
        )  # fmt: skip

    async def _queue_again(self, tx: Tx, conversation: Row) -> Target:
        """Its own queue; the default one when it has none (reopened) or the queue is closed."""
        target = await find_target(
            tx, conversation["organisation_id"], channel=conversation["channel"], target=None, attendant=None,
            department=None,
        )  # fmt: skip
        for queue in await tx.fetch(sql.active_queues, organisation_id=conversation["organisation_id"]):
            if queue["id"] == conversation["queue_id"]:
                return Target(queue)
        return target

    async def _named_queue(self, tx: Tx, organisation_id: UUID, name: str) -> Target:
        for queue in await tx.fetch(sql.active_queues, organisation_id=organisation_id):
            if str(queue["id"]) == name or fold(queue["name"]) == fold(name):
                return Target(queue)
        raise NotFound(f"no queue {name!r}", code="queue_not_found")

    async def _tell_new(self, tx: Tx, organisation_id: UUID, item: Mapping[str, Any]) -> None:
        """S24, with the queue's fields beside it."""
        queue_fields = ("queue_id", "queue_name", "priority", "status", "waiting_since", "waiting_time_seconds")
        data = {
            "session_id": item["session_id"],
            "channel": item["channel"],
            "customer": {"name": item["user_name"], "phone": item["user_phone"]},
            "message": item["last_message"],
            **{name: item[name] for name in queue_fields},
            "item": item,
        }
        tx.tell(events.Event(organisation_id, events.NEW_CONVERSATION, data))


async def offer_shape(tx: Tx, offer: Row) -> dict[str, Any]:
    return {
        "offer_id": str(offer["id"]),
        "session_id": str(offer["conversation_id"]),
        "expires_at": iso(offer["expires_at"]),
        "item": await item_of(tx, offer["organisation_id"], offer["conversation_id"]),
    }


async def free_attendants(
    tx: Tx, organisation_id: UUID, queue_id: UUID, session_id: UUID, *, user_id: UUID | None = None,
    cool_down_s: float = 0.0, just_asked: bool = True,
) -> list[Candidate]:  # fmt: skip
    """Who may be rung at for this conversation; *just_asked* false leaves out who let it pass in *cool_down_s*."""
    rows = await tx.fetch(
        sql.candidates, organisation_id=organisation_id, queue_id=queue_id, conversation_id=session_id,
        user_id=user_id, cool_down_s=cool_down_s,
    )  # fmt: skip
    return [
        Candidate(
            row["user_id"], row["channels"], row["preferences"], row["active"], row["voice"],
            row["max_conversations"], row["priority"], row["last_offer_at"],
        )
        for row in rows
        if just_asked or not row["just_asked"]
    ]  # fmt: skip


def _may_act(actor: Actor, conversation: Row) -> None:
    if conversation["assigned_to"] in (None, actor.user_id) or actor.role in ("supervisor", "admin"):
        return
    raise Forbidden("this conversation is in somebody else's hands")


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), 1)
