"""What a flow wants done: the only way it reaches the world. Stable: drivers are written against this file.

``program.run(variables)`` is a generator of these. A driver does what the effect says and answers with
``generator.send(value)``, or with ``generator.throw(FlowError(...))`` when it can't; the first step is
``next(generator)``. When the flow ends, ``StopIteration.value`` is what it ``RETURN``ed (``None`` otherwise).
Closing the generator (the caller hung up) ends the flow at once.

    run = program.run({"session": session, "intent": ""})
    answer = None
    while True:
        effect = run.send(answer)          # StopIteration: the flow is over
        match effect:
            case Talk(): answer = await voice.say(effect.text)
            case Hear(): answer = Answer(heard.text, heard.via)
            case Breathe(): answer = await asyncio.sleep(0)
            ...

Values in effects are plain: ``None``, ``bool``, ``int``, ``float``, ``str``, ``list`` and ``dict`` with text keys.
Each class says what it wants for an answer; "nothing" means the answer is ignored. A driver answers an effect that
it doesn't serve by throwing ``FlowError("not_supported", ...)``: the flow's author then sees the line.
Dictionaries passed in as variables are kept by reference, so a driver may change ``session`` while the flow runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..ivr import Menu
from .filters import Filter

Plain = Any  # None, bool, int, float, str, list[Plain], dict[str, Plain]
Via = Literal["speech", "digits", "text", "timeout"]
MemoryScope = Literal["bot", "user"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a ``Hear``. ``text`` is None for silence (``via="timeout"``)."""

    text: str | None
    via: Via = "text"
    confidence: float | None = None  # 0–1, where the recogniser gives one


@dataclass(frozen=True, slots=True)
class Effect:
    """Base. ``line`` is the statement's line in the flow, for logs and traces."""

    line: int = field(default=0, kw_only=True)


@dataclass(frozen=True, slots=True)
class Talk(Effect):
    """Say or write *text* (never empty). Answer: nothing, once it was said, interrupted or handed over.

    ``to`` is None for the conversation's own channel (S5), else ``"channel:address"`` (``TALK TO``).
    """

    text: str
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Hear(Effect):
    """Wait for one answer. Answer: an ``Answer``, or a plain text, or None for silence.

    Validation, the second and third try and their sentences are the machine's: it yields ``Talk`` and ``Hear`` again.
    """

    kind: str  # "text", "menu", "integer", "date", "cpf", ... (hear_types.KINDS)
    variable: str
    attempt: int = 1  # 1-based
    menu: Menu | None = None  # kind "menu": match(text), digits and words for hints and early commit
    open: bool = False  # menu, or any other words: what matches no option is taken as it is
    max_digits: int | None = None  # this many digits are an answer at once; None: until "#" or a pause
    sensitive: bool = False  # password, card: keep it out of transcripts and logs

    @property
    def options(self) -> tuple[str, ...]:
        """The words of the menu, as hints for recognition."""
        return self.menu.words if self.menu else ()


@dataclass(frozen=True, slots=True)
class Find(Effect):
    """Rows of *table*. Answer: a list of dicts (may be empty), or one dict, or None (both spellings of "not found")."""

    table: str
    filter: Filter | None = None  # None: all rows
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Create(Effect):
    """Insert one row. Answer: the row as a dict, with its ``id``."""

    table: str
    values: Mapping[str, Plain]


@dataclass(frozen=True, slots=True)
class Update(Effect):
    """Change the rows that match. Answer: how many (int)."""

    table: str
    filter: Filter
    values: Mapping[str, Plain]


@dataclass(frozen=True, slots=True)
class Delete(Effect):
    """Delete the rows that match. Answer: how many (int)."""

    table: str
    filter: Filter


@dataclass(frozen=True, slots=True)
class Save(Effect):
    """Insert, or update the row with this id. Answer: the row as a dict, with its ``id``."""

    table: str
    id: Plain  # None: a new row
    values: Mapping[str, Plain]


@dataclass(frozen=True, slots=True)
class TransferToHuman(Effect):
    """Hand the conversation to people (S56). At most one of *target*, *name* is given.

    Answer: ``{"success": bool, "status": "queued"|"assigned"|"connected"|"no_attendants"|"attendant_not_found"|
    "crm_disabled"|"error", "queue_position"?, "assigned_to"?, "assigned_to_name"?, "estimated_wait_seconds"?,
    "message"?}``. The flow goes on after it, so answer when the conversation is in the queue, not when it is taken.
    On success the machine sets the session keys of S57 (needs_human, queue_position, attendant_id, ...).
    """

    target: str | None = None  # first positional argument: an attendant's name, a queue or a department
    name: str | None = None  # object form: an attendant
    department: str | None = None  # object form: a queue or department
    priority: str | None = None  # low, normal, high, urgent
    reason: str | None = None
    destination: str | None = None  # teams, whatsapp, console...; None: attendance-default-destination
    context: Plain = None


@dataclass(frozen=True, slots=True)
class SetSession(Effect):
    """Set a key of the session's context (S57). Answer: nothing; the machine updates ``session`` itself."""

    key: str
    value: Plain


@dataclass(frozen=True, slots=True)
class GetMemory(Effect):
    """``GET BOT MEMORY`` / ``GET USER MEMORY``. Answer: the value, None if there is none."""

    scope: MemoryScope
    key: str


@dataclass(frozen=True, slots=True)
class SetMemory(Effect):
    """``SET BOT MEMORY`` / ``SET USER MEMORY`` / ``REMEMBER``. Answer: nothing."""

    scope: MemoryScope
    key: str
    value: Plain


@dataclass(frozen=True, slots=True)
class Notify(Effect):
    """Tell somebody. *to* is a role (``attendant``, ``supervisor``, ...) or an id. Answer: nothing."""

    to: Plain
    message: str


@dataclass(frozen=True, slots=True)
class CreateMeeting(Effect):
    """S38. Answer: ``{"success": bool, "room_id": str, "join_url": str}``.

    On success the machine sets the variables ``meeting_room``, ``meeting_url`` and ``meeting_link``.
    """

    options: Mapping[str, Plain]


@dataclass(frozen=True, slots=True)
class CallMethod(Effect):
    """``meeting.request_screen_share(x)`` (S39): a method of an object of the host. Answer: its result."""

    object: str  # dotted path as written, lower case: "meeting"
    method: str
    args: tuple[Plain, ...]


@dataclass(frozen=True, slots=True)
class Wait(Effect):
    """``WAIT s``: already capped by ``wait_max_s``. Answer: nothing, after that time."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Play(Effect):
    """Play a sound by name or address. Answer: nothing, once played or interrupted."""

    source: str


@dataclass(frozen=True, slots=True)
class HangUp(Effect):
    """``HANG UP``: end the call or close the conversation; the flow ends after it. Answer: nothing."""


@dataclass(frozen=True, slots=True)
class Log(Effect):
    """``PRINT``: a line for the flow's author, never for the customer. Answer: nothing."""

    text: str


@dataclass(frozen=True, slots=True)
class SystemPrompt(Effect):
    """``BEGIN SYSTEM PROMPT``: the model's instructions for this conversation. Answer: nothing."""

    text: str


@dataclass(frozen=True, slots=True)
class Breathe(Effect):
    """The flow has computed for a while: let others run (``await asyncio.sleep(0)``). Answer: nothing."""


@dataclass(frozen=True, slots=True)
class Action(Effect):
    """Every other statement of contracts 2B. *name* and the argument names are in ``commands.py`` (one table).

    Example: ``SEND SMS "+5511...", "oi"`` is ``Action("send_sms", {"phone": "+5511...", "message": "oi"})``.
    Arguments that were not written are absent. Answer: the statement's result, None if it has none.
    """

    name: str
    args: Mapping[str, Plain]
