"""A flow, compiled: what it may say, what it needs, and how to run it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config.agents import DialectSettings

from . import ast
from .compiler import Compiler
from .effects import Effect
from .errors import DialectError
from .machine import Instruction, Machine
from .parser import parse
from .values import Value


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts a flow, or describes it: ``set_schedule``, ``webhook``, ``on_change``, ``param``, ``description``."""

    name: str
    args: Mapping[str, Any]  # those that are constants
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Immutable; any number of runs may be under way at once."""

    name: str
    variables: frozenset[str]  # read but never set by the flow: what the host is to provide, lower case
    triggers: tuple[Trigger, ...]
    settings: DialectSettings
    _prompts: tuple[str, ...]
    _code: tuple[Instruction, ...]
    _lines: tuple[int, ...]
    _after: tuple[int, ...]

    def prompts(self) -> tuple[str, ...]:
        """Every constant text the flow may say, to be rendered beforehand."""
        return self._prompts

    def run(
        self, variables: Mapping[str, Value] | None = None, *, now: Callable[[], datetime] | None = None
    ) -> Generator[Effect, Any, Value]:
        """One run, as a generator of effects (see ``effects``). *variables* are by name, in any case; *now* is the
        clock, in the customer's zone.

        Raises:
            FlowError: out of ``next``/``send``, when a statement fails and the flow doesn't resume.
        """
        machine = Machine(self._code, self._lines, self._after, self.name, self.settings, now or _local_time)
        return machine.run(variables or {})


def compile_flow(source: str | bytes, name: str, settings: DialectSettings | None = None) -> Program:
    """The program that *source* is. *name* is how errors call it (``start.bas``).

    Raises:
        DialectError: it isn't one; with line, column, what is wrong and what to do.
    """
    settings = settings or DialectSettings()
    text = _decoded(source, name)
    if len(text.encode("utf-8", "replace")) > settings.script_max_bytes:
        raise DialectError(
            "too_big", f"o fluxo passa de {settings.script_max_bytes} bytes.", "Divida-o em fluxos menores.", flow=name
        )
    body = parse(text, name)
    compiler = Compiler(name, settings)
    compiler.flow_body(body)
    return Program(
        name,
        frozenset(compiler.read) - compiler.written - {"heard", "error"},
        tuple(_trigger(each) for each in compiler.declared),
        settings,
        tuple(compiler.prompts),
        tuple(compiler.code),
        tuple(compiler.lines),
        tuple(compiler.after),
    )


def _decoded(source: str | bytes, name: str) -> str:
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source[: error.start].count(b"\n") + 1
        raise DialectError(
            "not_utf8", "o arquivo não está em UTF-8.", "Salve-o de novo com essa codificação.", flow=name, line=line
        ) from None


def _trigger(node: ast.Declaration) -> Trigger:
    constants = {key: each.value for key, each in node.args if isinstance(each, ast.Literal)}
    words = {key: each.written for key, each in node.args if isinstance(each, ast.BareWord)}
    return Trigger(node.name, {**constants, **words}, node.at.line)


def _local_time() -> datetime:
    return datetime.now().astimezone()
