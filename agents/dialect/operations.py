"""Commands of the table as effects: how each is built from its arguments, and what its answer does to the flow.

Command(name, args) ──► OPERATIONS[name].build(arguments, line) ──► Effect ──► driver
                        OPERATIONS[name].take(machine, effect, answer) ──► the statement's value
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from . import effects, filters
from .errors import FlowError
from .machine import Machine
from .values import Value, is_found, number_of, plain, put, rows_of, text_of, type_name

Arguments = dict[str, Value]


def _same(machine: Machine, effect: effects.Effect, answer: Any) -> Value:
    return answer


@dataclass(frozen=True, slots=True)
class Operation:
    build: Callable[[Arguments, int], effects.Effect]
    take: Callable[[Machine, Any, Any], Value] = _same


def operation(name: str) -> Operation:
    """What *name* of the table does; names without their own effect are an ``Action``."""
    return OPERATIONS.get(name) or Operation(lambda args, line: effects.Action(name, _plain(args), line=line))


def _plain(args: Arguments) -> dict[str, Any]:
    return {name: plain(value) for name, value in args.items()}


def _record(value: Value, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise FlowError("not_a_record", f"{what} precisa de um registro {{...}} e recebeu {type_name(value)}.")
    copied: Mapping[str, Any] = plain(value)
    return copied


def _table(args: Arguments) -> str:
    name = text_of(args["table"]).strip()
    if not name or not all(c.isalnum() or c in "_-." for c in name) or len(name) > 100:
        raise FlowError("bad_table", f"'{name[:40]}' não é o nome de uma tabela.", 'Escreva o nome, como "customers".')
    return name


def where_of(value: Value) -> filters.Filter:
    """A filter computed at run time: a record, a filter's text, or an id."""
    if isinstance(value, dict):
        return filters.of_record(plain(value))
    if isinstance(value, str) and value.strip():
        return filters.parse(value)
    return by_id(value)


def by_id(value: Value) -> filters.Filter:
    if isinstance(value, dict):
        return filters.of_record(plain(value))
    if not is_found(value) or isinstance(value, list | bool):
        raise FlowError("no_id", "o registro não tem id: nada foi achado ou criado antes.", "Teste antes com FOUND.")
    return filters.Comparison("id", "=", value)


# ---- tables


def _find(args: Arguments, line: int) -> effects.Effect:
    limit = args.get("limit")
    most = None if limit is None else max(0, int(number_of(limit, "LIMIT")))
    return effects.Find(_table(args), args.get("filter"), most, line=line)


def _create(args: Arguments, line: int) -> effects.Effect:
    return effects.Create(_table(args), _record(args["values"], "CREATE"), line=line)


def _update(args: Arguments, line: int) -> effects.Effect:
    return effects.Update(_table(args), args["filter"], _record(args["values"], "UPDATE"), line=line)


def _delete(args: Arguments, line: int) -> effects.Effect:
    return effects.Delete(_table(args), args["filter"], line=line)


def _save(args: Arguments, line: int) -> effects.Effect:
    if "values" not in args:  # SAVE t, record: with its id inside, if it has one
        values = _record(args["id"], "SAVE")
        return effects.Save(_table(args), values.get("id"), values, line=line)
    return effects.Save(_table(args), plain(args["id"]), _record(args["values"], "SAVE"), line=line)


def _row(machine: Machine, effect: Any, answer: Any) -> Value:
    """The new row; a driver that gives only its id, or nothing, still leaves the written values."""
    if isinstance(answer, dict):
        return answer
    return {**effect.values, **({"id": answer} if answer is not None else {})}


# ---- people


_TRANSFER_KEYS: Final = ("name", "department", "priority", "reason", "destination")


def _transfer(args: Arguments, line: int) -> effects.Effect:
    target = args.get("target")
    if isinstance(target, dict):
        given = {key.lower(): value for key, value in target.items()}
        fields = {key: _optional(given.get(key)) for key in _TRANSFER_KEYS}
        return effects.TransferToHuman(None, context=plain(given.get("context")), line=line, **fields)
    texts = [_optional(args.get(key)) for key in ("target", "priority", "reason", "destination")]
    return effects.TransferToHuman(texts[0], None, None, *texts[1:], line=line)


def _optional(value: Value) -> str | None:
    return text_of(value).strip() or None


def _transferred(machine: Machine, effect: effects.TransferToHuman, answer: Any) -> Value:
    """The answer as a record, and the session keys of S57."""
    if answer is None or isinstance(answer, bool):
        answer = {"success": answer is not False, "status": "error" if answer is False else "queued"}
    if answer.get("success"):
        session = machine.session()
        session["needs_human"] = True
        session["queue_position"] = answer.get("queue_position")
        session["attendant_id"] = answer.get("assigned_to")
        session["attendant_name"] = answer.get("assigned_to_name")
        session["transfer_reason"] = effect.reason
        session["transfer_time"] = machine.now().isoformat(timespec="seconds")
    return answer


def _notify(args: Arguments, line: int) -> effects.Effect:
    return effects.Notify(plain(args["to"]), text_of(args["message"]), line=line)


def _meeting(args: Arguments, line: int) -> effects.Effect:
    options = args.get("options")
    return effects.CreateMeeting({} if options is None else _record(options, "CREATE MEETING"), line=line)


def _met(machine: Machine, effect: Any, answer: Any) -> Value:
    if isinstance(answer, dict) and answer.get("success"):
        machine.globals["meeting_room"] = answer.get("room_id")
        machine.globals["meeting_url"] = machine.globals["meeting_link"] = answer.get("join_url")
    return answer


# ---- session and memory


def _set_session(args: Arguments, line: int) -> effects.Effect:
    return effects.SetSession(_key(args), plain(args["value"]), line=line)


def _session_set(machine: Machine, effect: effects.SetSession, answer: Any) -> Value:
    put(machine.session(), effect.key, effect.value)
    return effect.value


def _key(args: Arguments) -> str:
    key = text_of(args["key"]).strip()
    if not key or len(key) > 200:
        raise FlowError("bad_key", "a chave está vazia ou longa demais.", "Dê um nome curto entre aspas.")
    return key


def _set_memory(scope: effects.MemoryScope) -> Operation:
    return Operation(lambda args, line: effects.SetMemory(scope, _key(args), plain(args["value"]), line=line))


def _get_memory(scope: effects.MemoryScope) -> Operation:
    return Operation(lambda args, line: effects.GetMemory(scope, _key(args), line=line))


# ---- the rest


def _wait(args: Arguments, line: int) -> effects.Effect:
    return effects.Wait(max(0.0, float(number_of(args["seconds"], "WAIT"))), line=line)


def _play(args: Arguments, line: int) -> effects.Effect:
    return effects.Play(text_of(args["source"]), line=line)


OPERATIONS: Final = {
    "find": Operation(_find, lambda machine, effect, answer: rows_of(answer)),
    "create": Operation(_create, _row),
    "update": Operation(_update),
    "delete": Operation(_delete),
    "save": Operation(_save, _row),
    "transfer_to_human": Operation(_transfer, _transferred),
    "set_session": Operation(_set_session, _session_set),
    "set_bot_memory": _set_memory("bot"),
    "set_user_memory": _set_memory("user"),
    "get_bot_memory": _get_memory("bot"),
    "get_user_memory": _get_memory("user"),
    "notify": Operation(_notify),
    "create_meeting": Operation(_meeting, _met),
    "wait": Operation(_wait),
    "play": Operation(_play),
    "hang_up": Operation(lambda args, line: effects.HangUp(line=line)),
    "log": Operation(lambda args, line: effects.Log(text_of(args["text"]), line=line)),
    "system_prompt": Operation(lambda args, line: effects.SystemPrompt(text_of(args["text"]), line=line)),
}
