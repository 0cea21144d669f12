"""A driver for tests: answers a flow's effects from a script and writes down what it was asked to do."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from agents.dialect import FlowError, Program, compile_flow, filters
from agents.dialect.effects import (
    Action,
    Answer,
    Breathe,
    CallMethod,
    Create,
    CreateMeeting,
    Delete,
    Effect,
    Find,
    GetMemory,
    Hear,
    Save,
    SetMemory,
    SetSession,
    Talk,
    TransferToHuman,
    Update,
)
from config.agents import DialectSettings

NOW = datetime(2026, 8, 20, 14, 5, tzinfo=timezone(timedelta(hours=-3)))  # a Thursday


@functools.lru_cache(maxsize=8)
def _compiled(source: str, settings: DialectSettings | None) -> Program:
    return compile_flow(source, "teste.bas", settings)


@dataclass
class Scripted:
    """Tables in memory, answers from a list. ``answers`` holds texts, ``Answer`` or None for silence."""

    answers: Iterable[str | Answer | None] = ()
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    actions: Mapping[str, Any] = field(default_factory=dict)  # what an Action or method gives, by name
    transfer: Any = field(default_factory=lambda: {"success": True, "status": "queued", "queue_position": 2})
    fail: type[Effect] | tuple[type[Effect], ...] = ()  # effects that the driver can't do
    done: list[Effect] = field(default_factory=list)
    memory: dict[tuple[str, str], Any] = field(default_factory=dict)
    result: Any = None

    def play(
        self, source: str, variables: Mapping[str, Any] | None = None, settings: DialectSettings | None = None
    ) -> Scripted:
        """Run *source* to its end."""
        run = _compiled(source, settings).run(variables, now=lambda: NOW)
        script = iter(self.answers)
        answer: Any = None
        failure: FlowError | None = None
        while True:
            try:
                effect = run.throw(failure) if failure else run.send(answer)
            except StopIteration as end:
                self.result = end.value
                return self
            failure = None
            if isinstance(effect, Breathe):
                answer = None
                continue
            self.done.append(effect)
            if self.fail and isinstance(effect, self.fail):
                failure = FlowError("driver_failed", "não deu.")
                continue
            answer = next(script) if isinstance(effect, Hear) else self._answer(effect)

    def _answer(self, effect: Effect) -> Any:
        match effect:
            case Find(table, where, limit):
                return [row for row in self.tables.get(table, []) if filters.matches(where, row)][:limit]
            case Create(table, values) | Save(table, _, values):
                rows = self.tables.setdefault(table, [])
                rows.append({"id": f"{table}-{len(rows) + 1}", "number": len(rows) + 1, **values})
                return rows[-1]
            case Update(table, where, values):
                hit = [row for row in self.tables.get(table, []) if filters.matches(where, row)]
                for row in hit:
                    row.update(values)
                return len(hit)
            case Delete(table, where):
                rows = self.tables.get(table, [])
                self.tables[table] = [row for row in rows if not filters.matches(where, row)]
                return len(rows) - len(self.tables[table])
            case TransferToHuman():
                return self.transfer
            case CreateMeeting():
                return {"success": True, "room_id": "room-1", "join_url": "https://meet.example/room-1"}
            case GetMemory(scope, key):
                return self.memory.get((scope, key))
            case SetMemory(scope, key, value):
                self.memory[scope, key] = value
            case Action(name, _):
                return self.actions.get(name)
            case CallMethod(_, name, _):
                return self.actions.get(name)
        return None

    @property
    def said(self) -> list[str]:
        return [effect.text for effect in self.done if isinstance(effect, Talk)]

    @property
    def session(self) -> dict[str, Any]:
        """The session keys that the flow set, the last value of each."""
        return {effect.key: effect.value for effect in self.done if isinstance(effect, SetSession)}

    def did(self, kind: type[Any]) -> list[Any]:
        return [effect for effect in self.done if isinstance(effect, kind)]


def play(source: str, variables: Mapping[str, Any] | None = None, *answers: Any) -> Scripted:
    """Run *source* with these variables and these answers to HEAR."""
    return Scripted(answers).play(source, variables)


def value(expression: str, **variables: Any) -> Any:
    """What *expression* comes to."""
    return play(f"RETURN {expression}", variables).result
