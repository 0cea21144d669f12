"""Expressions to getters. What reaches the world or calls the flow's own functions becomes instructions of its own,
before the one that uses it, with the result in a temporary; so an instruction never has to stop half way.

    x = LEN(FIND "t", f) + dobro(3)      %1 = effect Find      %2 = call dobro      x = LEN(%1) + %2
    a OR f(b)                            %1 = truth of a;  if not %1: %1 = truth of call f
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from config.agents import DialectSettings

from . import ast, effects, filters, values
from .cursor import nearest
from .errors import DialectError, FlowError, FlowProblem
from .expressions import children
from .functions import FUNCTIONS, Function
from .machine import Getter, Instruction, Machine
from .operations import by_id, operation, where_of
from .values import Value

_BINARY: Final[dict[str, Callable[[Value, Value], Value]]] = {
    "+": values.add,
    "&": values.concat,
    "-": lambda a, b: values.settled(values.number_of(a) - values.number_of(b)),
    "*": lambda a, b: values.settled(values.number_of(a) * values.number_of(b)),
    "/": values.divide,
    "\\": lambda a, b: int(values.divide(a, b)),
    "mod": values.modulo,
    "^": values.power,
    "=": values.equals,
    "<>": lambda a, b: not values.equals(a, b),
    "<": lambda a, b: values.compare(a, b) < 0,
    "<=": lambda a, b: values.compare(a, b) <= 0,
    ">": lambda a, b: values.compare(a, b) > 0,
    ">=": lambda a, b: values.compare(a, b) >= 0,
    "in": values.contains,
    "not-in": lambda a, b: not values.contains(a, b),
    "like": values.like,
    "not-like": lambda a, b: not values.like(a, b),
    "??": lambda a, b: b if a is None else a,
}
_FAST: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "<>": operator.ne,
}
_SMALL: Final = 2**40  # integers below it need no check after an addition


@dataclass(slots=True)
class Label:
    """A place that is known once the code up to it is laid."""

    place: int = -1


@dataclass(frozen=True, slots=True)
class Procedure:
    name: str
    params: tuple[str, ...]
    entry: Label


class Lowering:
    """The expression half of the compiler, and the code being laid."""

    def __init__(self, flow: str, settings: DialectSettings) -> None:
        self.flow = flow
        self.settings = settings
        self.code: list[Instruction] = []
        self.lines: list[int] = []
        self.procedures: dict[str, Procedure] = {}
        self.locals: set[str] | None = None  # names local to the procedure being compiled; None: the main flow
        self.read: dict[str, ast.At] = {}  # global variables read, and where first
        self.written: set[str] = set()
        self._temporaries = 0

    # ---- laying code

    def lay(self, at: ast.At, make: Callable[[int], Instruction]) -> None:
        """Append the instruction that *make* gives for the place after it."""
        self.code.append(make(len(self.code) + 1))
        self.lines.append(at.line)

    def here(self, label: Label) -> None:
        label.place = len(self.code)

    def jump(self, at: ast.At, label: Label) -> None:
        self.lay(at, lambda _: lambda m: label.place)

    def jump_unless(self, at: ast.At, test: Getter, label: Label) -> None:
        def make(after: int) -> Instruction:
            return lambda m: after if test(m) else label.place

        self.lay(at, make)

    def temporary(self) -> str:
        self._temporaries += 1
        return f"%{self._temporaries}"

    def keep(self, at: ast.At, getter: Getter) -> str:
        """Lay ``%n = getter`` and give the name."""
        name = self.temporary()

        def make(after: int) -> Instruction:
            def run(m: Machine) -> int:
                m.locals[name] = getter(m)
                return after

            return run

        self.lay(at, make)
        return name

    def lay_effect(
        self, at: ast.At, build: Callable[[Machine], effects.Effect | None], take: Callable[[Machine, Any], None] | None
    ) -> None:
        """Lay an effect. *build* may give None: then there is nothing to do."""

        def make(after: int) -> Instruction:
            def run(m: Machine) -> int:
                wanted = build(m)
                if wanted is None:
                    return after
                m.effect, m.taker = wanted, take
                return ~after

            return run

        self.lay(at, make)

    def error(self, code: str, what: str, fix: str, at: ast.At) -> DialectError:
        return DialectError(code, what, fix, flow=self.flow, line=at.line, column=at.column)

    # ---- expressions

    def expression(self, node: ast.Expr) -> Getter:
        match node:
            case ast.Literal(value):
                return lambda m: value
            case ast.Name(name):
                return self._name(name, node.at)
            case ast.BareWord(name, written):
                return self._bare_word(name, written)
            case ast.Member(inner, name):
                of = self.expression(inner)
                return lambda m: values.member(of(m), name)
            case ast.Index(inner, index):
                of, place = self.expression(inner), self.expression(index)
                return lambda m: values.item(of(m), place(m))
            case ast.Unary():
                return self._unary(node)
            case ast.Binary(op, left, right):
                return self._binary(op, left, right)
            case ast.Logical():
                return self._logical(node)
            case ast.IsFound(inner, negated):
                of = self.expression(inner)
                return lambda m: values.is_found(of(m)) is not negated
            case ast.RecordLiteral(items):
                fields = [(key, self.expression(each)) for key, each in items]
                return lambda m: {key: get(m) for key, get in fields}
            case ast.ListLiteral(items):
                getters = [self.expression(each) for each in items]
                return lambda m: [get(m) for get in getters]
            case ast.Template(parts):
                pieces = [self.expression(part) for part in parts]
                return lambda m: values.bounded("".join([values.text_of(get(m)) for get in pieces]))
            case ast.Call():
                return self._call(node)
            case ast.Method():
                return self._method(node)
            case ast.Command():
                return self._command(node)

    def _name(self, name: str, at: ast.At) -> Getter:
        if self.locals is not None and name in self.locals:
            return lambda m: m.locals.get(name)
        self.read.setdefault(name, at)
        return lambda m: m.globals.get(name)

    def _unary(self, node: ast.Unary) -> Getter:
        of = self.expression(node.operand)
        if node.op == "not":
            return lambda m: not of(m)
        if node.op == "-":
            return lambda m: values.settled(-values.number_of(of(m)))
        return lambda m: values.number_of(of(m))

    def _binary(self, op: str, left: ast.Expr, right: ast.Expr) -> Getter:
        if op == "??" and self._reaches_out(right):
            return self._coalesced(left, right)
        first, second = self.expression(left), self.expression(right)
        work = _BINARY[op]
        fast = _FAST.get(op)
        if fast is None:
            return lambda m: work(first(m), second(m))

        def run(m: Machine) -> Value:
            a, b = first(m), second(m)
            if type(a) is int and type(b) is int and -_SMALL < a < _SMALL and -_SMALL < b < _SMALL:
                return fast(a, b)
            return work(a, b)

        return run

    def _logical(self, node: ast.Logical) -> Getter:
        if self._reaches_out(node.right):
            return self._logical_jump(node)
        first, second = self.expression(node.left), self.expression(node.right)
        if node.op == "and":
            return lambda m: bool(first(m) and second(m))
        return lambda m: bool(first(m) or second(m))

    def _logical_jump(self, node: ast.Logical) -> Getter:
        """The right side reaches out, so it must not be done unless it is asked."""
        left = self.expression(node.left)
        name, done = self.keep(node.at, lambda m: bool(left(m))), Label()
        wanted = node.op == "and"
        self.jump_unless(node.at, lambda m: m.locals[name] is wanted, done)
        right = self.expression(node.right)
        self._into(node.at, name, lambda m: bool(right(m)))
        self.here(done)
        return lambda m: m.locals[name]

    def _coalesced(self, left: ast.Expr, right: ast.Expr) -> Getter:
        first = self.expression(left)
        name, done = self.keep(left.at, first), Label()
        self.jump_unless(left.at, lambda m: m.locals[name] is None, done)
        second = self.expression(right)
        self._into(right.at, name, second)
        self.here(done)
        return lambda m: m.locals[name]

    def _into(self, at: ast.At, name: str, getter: Getter) -> None:
        def make(after: int) -> Instruction:
            def run(m: Machine) -> int:
                m.locals[name] = getter(m)
                return after

            return run

        self.lay(at, make)

    def _reaches_out(self, root: ast.Expr) -> bool:
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Command | ast.Method) or (
                isinstance(node, ast.Call) and node.name in self.procedures
            ):
                return True
            waiting.extend(children(node))
        return False

    # ---- calls

    def _call(self, node: ast.Call) -> Getter:
        if node.name in self.procedures:
            return self._own(self.procedures[node.name], node)
        function = FUNCTIONS.get(node.name)
        if function is None:
            known = [*(f.name for f in FUNCTIONS.values()), *self.procedures]
            raise self.error(
                "unknown_function",
                f"não conheço a função '{node.name[:40]}'.",
                nearest(node.name, known) or "Defina-a com FUNCTION, ou veja a lista de funções no guia.",
                node.at,
            )
        if not function.fewest <= len(node.args) <= function.most:
            wanted = (
                str(function.fewest) if function.fewest == function.most else f"{function.fewest} a {function.most}"
            )
            raise self.error(
                "wrong_arguments",
                f"{function.name} recebe {wanted} argumento(s) e recebeu {len(node.args)}.",
                "Acerte os argumentos entre parênteses.",
                node.at,
            )
        return _built_in(function, [self.expression(each) for each in node.args])

    def _bare_word(self, name: str, word: str) -> Getter:
        local = self.locals is not None and name in self.locals

        def run(m: Machine) -> Value:
            found = (m.locals if local else m.globals).get(name)
            return found if isinstance(found, str) and found else word

        return run

    def _own(self, procedure: Procedure, node: ast.Call) -> Getter:
        if len(node.args) > len(procedure.params):
            raise self.error(
                "wrong_arguments",
                f"'{procedure.name}' recebe {len(procedure.params)} argumento(s) e recebeu {len(node.args)}.",
                "Acerte a chamada ou a definição.",
                node.at,
            )
        getters = [self.expression(each) for each in node.args]
        name = self.temporary()
        place = len(self.code)

        def run(m: Machine) -> int:
            given = [get(m) for get in getters]
            filled = dict.fromkeys(procedure.params)
            filled.update(zip(procedure.params, given, strict=False))
            return m.call(place, procedure.entry.place, filled, name)

        self.lay(node.at, lambda _: run)
        return lambda m: m.locals.get(name)

    def _method(self, node: ast.Method) -> Getter:
        """``texto.trim()`` is a function of a text or list; on anything else the host's objects are asked."""
        of = self.expression(node.object)
        getters = [self.expression(each) for each in node.args]
        function = FUNCTIONS.get(node.name.lower())
        path = _path(node.object)
        name = self.temporary()

        def build(m: Machine) -> effects.Effect | None:
            value, given = of(m), [get(m) for get in getters]
            if isinstance(value, str | list) or path is None:
                if function is None or not function.fewest <= 1 + len(given) <= function.most:
                    raise FlowError(
                        "unknown_method",
                        f"um valor do tipo {values.type_name(value)} não tem '{node.name}'.",
                        "Veja a lista de funções no guia.",
                    )
                m.locals[name] = _apply(function, m, [value, *given])
                return None
            return effects.CallMethod(path, node.name, tuple(values.plain(v) for v in given), line=node.at.line)

        def take(m: Machine, answer: Any) -> None:
            m.locals[name] = answer

        self.lay_effect(node.at, build, take)
        return lambda m: m.locals.get(name)

    # ---- commands

    def _command(self, node: ast.Command) -> Getter:
        known = operation(node.name)
        getters = [(key, self._argument(node, key, each)) for key, each in node.args]
        getters = [("filter" if key == "where" else key, get) for key, get in getters]
        name, line, wait_max = self.temporary(), node.at.line, self.settings.wait_max_s

        def build(m: Machine) -> effects.Effect:
            made = known.build({key: get(m) for key, get in getters}, line)
            if isinstance(made, effects.Wait) and made.seconds > wait_max:
                return effects.Wait(wait_max, line=line)
            m.locals[name] = made
            return made

        def take(m: Machine, answer: Any) -> None:
            m.locals[name] = known.take(m, m.effect, answer)

        self.lay_effect(node.at, build, take)
        if node.name == "hang_up":
            self.lay(node.at, lambda _: _finish)
        return lambda m: m.locals.get(name)

    def _argument(self, node: ast.Command, key: str, value: ast.Expr) -> Getter:
        if key == "where":
            return self._condition(value)
        if key == "filter" and node.name in ("find", "update", "delete"):
            return self._filter(node.name, value)
        return self.expression(value)

    def _filter(self, command: str, node: ast.Expr) -> Getter:
        """A filter as written: pieces of text around values. The values are bound, whatever they hold."""
        pieces: list[str | filters.Hole] = []
        holes: list[Getter] = []
        for part in _chain(node):
            if isinstance(part, ast.Literal) and isinstance(part.value, str):
                pieces.append(part.value)
            else:
                pieces.append(filters.Hole(len(holes)))
                holes.append(self.expression(part))
        first = pieces[0]
        if isinstance(first, str) and (command == "find" or filters.looks_like_filter(first)):
            try:
                where = filters.parse(pieces)
            except FlowError as error:
                raise self.error(error.code, error.what, error.fix, node.at) from None
            return lambda m: filters.fill(where, [get(m) for get in holes])
        whole = self.expression(node) if len(pieces) > 1 else holes[0] if holes else (lambda m: first)
        if command == "find":
            return lambda m: where_of(whole(m))
        return lambda m: by_id(whole(m))

    def _condition(self, node: ast.Expr) -> Getter:
        """``WHERE status = "x" AND total > limite``: names on the left are fields, what is on the right is bound."""
        holes: list[Getter] = []
        where = self._test(node, holes)
        return lambda m: filters.fill(where, [get(m) for get in holes])

    def _test(self, node: ast.Expr, holes: list[Getter]) -> filters.Filter:
        match node:
            case ast.Logical(op, left, right):
                parts = (self._test(left, holes), self._test(right, holes))
                return filters.All(parts) if op == "and" else filters.Either(parts)
            case ast.Unary("not", inner):
                return filters.Negated(self._test(inner, holes))
            case ast.Binary(op, left, right):
                field = _path(left)
                negated = op.startswith("not-")
                op = op.removeprefix("not-")
                if field is not None and op in ("=", "<>", "<", "<=", ">", ">=", "like", "in"):
                    test = filters.Comparison(field, op, self._bound(op, right, holes))  # type: ignore[arg-type]
                    return filters.Negated(test) if negated else test
        raise self.error(
            "bad_filter", "WHERE precisa de comparações de campos.", "Escreva: WHERE campo = valor.", node.at
        )

    def _bound(self, op: str, node: ast.Expr, holes: list[Getter]) -> Any:
        parts = node.items if op == "in" and isinstance(node, ast.ListLiteral) else (node,)
        made = []
        for part in parts:
            made.append(filters.Hole(len(holes)))
            holes.append(self.expression(part))
        return tuple(made) if op == "in" else made[0]


def _finish(m: Machine) -> int:
    m.effect = None
    return -1


def _built_in(function: Function, getters: Sequence[Getter]) -> Getter:
    if len(getters) == 1:
        only = getters[0]
        return lambda m: _apply(function, m, (only(m),))
    return lambda m: _apply(function, m, [get(m) for get in getters])


def _apply(function: Function, m: Machine, given: Sequence[Value]) -> Value:
    """Run a built-in; what Python refuses is the author's to mend, so it comes as a FlowError with the name."""
    try:
        made = function.run(m.now(), *given) if function.clocked else function.run(*given)
        if isinstance(made, str):
            return values.bounded(made)
        if isinstance(made, list):
            values.charge(64 * len(made))
        return made
    except FlowProblem:
        raise
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        raise FlowError(
            "function_failed", f"{function.name} não pôde trabalhar com o que recebeu.", "Verifique os argumentos."
        ) from error


def _chain(node: ast.Expr) -> list[ast.Expr]:
    """``a + b + c`` as its parts, when texts are being joined; otherwise the node alone."""
    parts: list[ast.Expr] = []
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, ast.Binary) and each.op in ("+", "&"):
            waiting += [each.left, each.right]
        elif isinstance(each, ast.Template):
            waiting += each.parts
        else:
            parts.insert(0, each)
    joins = any(isinstance(part, ast.Literal) and isinstance(part.value, str) for part in parts)
    return parts if joins else [node]


def _path(node: ast.Expr) -> str | None:
    """``a.b.c`` as text, or None for anything else."""
    names: list[str] = []
    while isinstance(node, ast.Member):
        names.append(node.name)
        node = node.object
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.written, *reversed(names)])
