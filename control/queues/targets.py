"""What a transfer names (S56): a queue, an attendant or a department, however it is spelt."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from ..db import Row, Tx, load_sql
from ..errors import Invalid, NotFound

sql = load_sql("control.queues")

PRIORITIES: Mapping[str, int] = {
    "low": 0, "normal": 1, "high": 2, "urgent": 3, "baixa": 0, "alta": 2, "urgente": 3,
}  # fmt: skip
# Words of flows for the preferences of S63: an attendant who prefers the topic is asked first (S67).
TOPICS: Mapping[str, str] = {
    "vendas": "sales", "comercial": "sales", "sales": "sales", "commercial": "sales",
    "suporte": "support", "support": "support", "atendimento": "support", "vip support": "support",
    "suporte tecnico": "technical", "tecnico": "technical", "technical": "technical", "engineering": "technical",
    "financeiro": "collections", "cobranca": "collections", "collections": "collections", "finance": "collections",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    queue: Row
    wanted: Row | None = None  # the attendant asked for
    topic: str | None = None


async def find_target(
    tx: Tx, organisation_id: UUID, *, channel: str, target: str | None, attendant: str | None, department: str | None
) -> Target:
    """Where a conversation goes. *target* may be any of the three; what nobody knows goes to the default queue.

    Raises:
        NotFound: *attendant* is nobody (code ``attendant_not_found``), or there is no active queue (``no_queue``).
    """
    queues = await tx.fetch(sql.active_queues, organisation_id=organisation_id)
    if not queues:
        raise NotFound("the organisation has no active queue", code="no_queue")
    people = await tx.fetch(sql.people, organisation_id=organisation_id) if attendant or target else []
    wanted = _person(people, attendant)
    if attendant and wanted is None:
        raise NotFound(f"no attendant {attendant!r}", code="attendant_not_found")
    words = [word for word in (department, target) if word]
    queue = next((found for word in words if (found := _queue(queues, word))), None)
    if queue is None and wanted is None:
        wanted = _person(people, target)
    topic = next((TOPICS[folded] for word in words if (folded := fold(word)) in TOPICS), None)
    return Target(queue or _default(queues, channel), wanted, topic)


def priority_of(value: str | int | None, default: int = 1) -> int:
    """S66: a name in either language, or 0 to 3. Raises ``Invalid``."""
    if value is None or value == "":
        return default
    if isinstance(value, str) and fold(value) in PRIORITIES:
        return PRIORITIES[fold(value)]
    try:
        number = int(value)
    except ValueError:
        number = -1
    if 0 <= number <= 3:
        return number
    raise Invalid(f"a priority is one of {', '.join(PRIORITIES)}", field="priority")


def fold(text: str) -> str:
    """Case, accents, hyphens and doubled spaces do not distinguish names."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return " ".join(plain.casefold().replace("-", " ").replace("_", " ").split())


def _queue(queues: list[Row], name: str) -> Row | None:
    return next((queue for queue in queues if fold(queue["name"]) == fold(name)), None)


def _person(people: list[Row], name: str | None) -> Row | None:
    """By code, id, full name or alias; by the first name alone when only one person has it."""
    if not name:
        return None
    wanted = fold(name)
    for person in people:
        names = [person["attendant_code"], str(person["id"]), person["name"], *person["aliases"]]
        if any(fold(each) == wanted for each in names):
            return person
    first = [person for person in people if fold(person["name"]).split(" ")[0] == wanted]
    return first[0] if len(first) == 1 else None


def _default(queues: list[Row], channel: str) -> Row:
    """S21: one that serves the channel; the default queue before the others."""
    serving = [queue for queue in queues if "all" in queue["channels"] or channel in queue["channels"]] or queues
    return next((queue for queue in serving if queue["is_default"]), serving[0])
