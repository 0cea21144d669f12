"""Statements to instructions: jumps for decisions and loops, effects for talking and listening."""

from __future__ import annotations

from typing import Any

from config.agents import DialectSettings

from ..ivr import Menu
from . import ast, effects, hear_types, values
from .effects import Answer
from .errors import FlowError
from .lowering import Label, Lowering, Procedure, _finish
from .machine import Getter, Instruction, Machine
from .values import Value

HEAR_TRIES = 3


class Compiler(Lowering):
    def __init__(self, flow: str, settings: DialectSettings) -> None:
        super().__init__(flow, settings)
        self.after: list[int] = []
        self.prompts: dict[str, None] = {}  # constant texts, in the order they may be said
        self.declared: list[ast.Declaration] = []
        self._exits: list[tuple[str, Label]] = []

    def flow_body(self, body: ast.Block) -> None:
        """Compile the whole flow: the main line first, its procedures after."""
        defined = [s for s in body if isinstance(s, ast.Define)]
        for each in defined:
            if each.name in self.procedures:
                raise self.error("defined_twice", f"'{each.name}' foi definido duas vezes.", "Mude um nome.", each.at)
            self.procedures[each.name] = Procedure(each.name, each.params, Label())
        self.block(tuple(s for s in body if not isinstance(s, ast.Define)))
        last = ast.At(self.lines[-1] if self.lines else 1, 1)
        self.lay(last, lambda _: lambda m: m.give_back(None))
        for each in defined:
            self._procedure(each)
        self._fill_after(0)

    def _procedure(self, node: ast.Define) -> None:
        self.locals = {*node.params, node.name, *_declared(node.body)}
        self.here(self.procedures[node.name].entry)
        self.block(node.body)
        self.lay(node.at, lambda _: lambda m: m.give_back(m.locals.get(node.name)))
        self.locals = None

    def block(self, body: ast.Block) -> None:
        for statement in body:
            start = len(self.code)
            self.statement(statement)
            self._fill_after(start)

    def _fill_after(self, start: int) -> None:
        """Every instruction laid since *start* that no inner statement owns belongs to the one that ends here."""
        end = len(self.code)
        self.after.extend([-1] * (end - len(self.after)))
        for place in range(start, end):
            if self.after[place] < 0:
                self.after[place] = end

    def statement(self, node: ast.Statement) -> None:
        match node:
            case ast.Assign(target, value):
                self.store(target, self.expression(value), node.at)
            case ast.Declare(name, value, at):
                getter: Getter = self.expression(value) if value else (lambda m: None)
                self.store(ast.Name(name, name, at), getter, at)
            case ast.Run(value, at):
                getter = self.expression(value)
                if not isinstance(value, ast.Command | ast.Method):
                    self.keep(at, getter)
            case ast.Talk():
                self._talk(node)
            case ast.Hear():
                self._hear(node)
            case ast.If():
                self._if(node)
            case ast.Switch():
                self._switch(node)
            case ast.ForEach():
                self._for_each(node)
            case ast.For():
                self._for(node)
            case ast.Loop():
                self._loop(node)
            case ast.Return(returned, at):
                back: Getter = self.expression(returned) if returned else (lambda m: None)
                self.lay(at, lambda _: lambda m: m.give_back(back(m)))
            case ast.Exit():
                self._exit(node)
            case ast.OnError(resume, at):
                self._on_error(resume, at)
            case ast.Declaration():
                self._declaration(node)
            case ast.Define(_, _, _, at):
                raise self.error("nested_sub", "SUB e FUNCTION não ficam dentro de blocos.", "Leve-o para fora.", at)

    def store(self, target: ast.Target, getter: Getter, at: ast.At) -> None:
        """Lay ``target = getter``."""
        put = self.putter(target)

        def make(after: int) -> Instruction:
            def run(m: Machine) -> int:
                put(m, getter(m))
                return after

            return run

        if isinstance(target, ast.Name):
            self._store_name(target.name, getter, at)
        else:
            self.lay(at, make)

    def _store_name(self, name: str, getter: Getter, at: ast.At) -> None:
        local = self._is_local(name)

        def make(after: int) -> Instruction:
            def run_local(m: Machine) -> int:
                m.locals[name] = getter(m)
                return after

            def run_global(m: Machine) -> int:
                m.globals[name] = getter(m)
                return after

            return run_local if local else run_global

        self.lay(at, make)

    def _is_local(self, name: str) -> bool:
        if self.locals is not None and name in self.locals:
            return True
        self.written.add(name)
        return False

    def putter(self, target: ast.Target) -> Any:
        """``put(machine, value)`` for an assignment's left side."""
        if isinstance(target, ast.Name):
            name, local = target.name, self._is_local(target.name)

            def put_name(m: Machine, value: Value) -> None:
                (m.locals if local else m.globals)[name] = value

            return put_name
        of = self.expression(target.object)
        key: Getter = (
            self.expression(target.index) if isinstance(target, ast.Index) else (lambda m, name=target.name: name)  # type: ignore[misc]
        )
        root = target.object if isinstance(target.object, ast.Name) else None

        def put_inside(m: Machine, value: Value) -> None:
            container = of(m)
            if container is None and root is not None:  # x.y = 1 makes the record x
                container = {}
                (m.locals if self_local else m.globals)[root.name] = container
            values.put(container, key(m), value)

        self_local = root is not None and self._is_local(root.name)
        return put_inside

    # ---- talking and listening

    def _talk(self, node: ast.Talk) -> None:
        constant = _constant(node.text)
        if constant and node.to is None:
            self.prompts.setdefault(constant)
        text = self.expression(node.text)
        to = self.expression(node.to) if node.to else None
        self._lay_talk(node.at, text, to)

    def _lay_talk(self, at: ast.At, text: Getter, to: Getter | None = None, *, prompt: bool = True) -> None:
        def build(m: Machine) -> effects.Effect | None:
            said = values.text_of(text(m))
            if not said.strip():
                return None
            if to is not None:
                return effects.Talk(said, values.text_of(to(m)), line=at.line)
            if prompt:
                m.prompt = said
            return effects.Talk(said, line=at.line)

        self.lay_effect(at, build, None)

    def _hear(self, node: ast.Hear) -> None:
        """Ask, check, and ask again: a text or an open menu takes what comes; a type has three tries."""
        kind = hear_types.kind(node.kind)
        menu = self._menu(node)
        put = self.putter(node.target)
        tries, done, again, attempt, state = HEAR_TRIES, Label(), Label(), self.temporary(), self.temporary()
        strict = node.kind != "text" and not node.open
        named = node.target.written if isinstance(node.target, ast.Name) else str(getattr(node.target, "name", "item"))
        digits = menu.max_digits if menu else kind.max_digits

        def build(m: Machine) -> effects.Effect:
            return effects.Hear(
                node.kind,
                named,
                m.locals[attempt],
                menu,
                node.open,
                digits,
                kind.sensitive,
                line=node.at.line,
            )

        def take(m: Machine, answer: Any) -> None:
            heard = answer if isinstance(answer, Answer) else Answer(answer, "text" if answer else "timeout")
            text = (heard.text or "").strip()[: values.TEXT_MAX]
            value, option = _understood(node, menu, heard, text, m)
            m.locals[state] = "done" if value is not None or not strict else "silent" if not text else "unclear"
            if m.locals[state] == "done":
                put(m, value)
            m.globals["heard"] = {
                "text": text or None,
                "via": heard.via,
                "option": option,
                "tries": m.locals[attempt],
                "confidence": heard.confidence,
            }

        self._into(node.at, attempt, lambda m: 1)
        self.here(again)
        self.lay_effect(node.at, build, take)
        if strict:
            self.prompts.setdefault(kind.ask)
            self.prompts.setdefault(hear_types.SILENCE)
            self._hear_again(node, kind.ask, attempt, state, again, done, put, tries)
        self.here(done)

    def _hear_again(
        self, node: ast.Hear, ask: str, attempt: str, state: str, again: Label, done: Label, put: Any, tries: int
    ) -> None:
        """After an answer that isn't one: say so and go back, or give null when the tries are used up."""
        more = Label()
        self.jump_unless(node.at, lambda m: m.locals[state] != "done", done)
        self.jump_unless(node.at, lambda m: m.locals[attempt] >= tries, more)

        def give_up(after: int) -> Instruction:
            def run(m: Machine) -> int:
                put(m, None)
                return done.place

            return run

        self.lay(node.at, give_up)
        self.here(more)
        self._lay_talk(node.at, lambda m: hear_types.SILENCE if m.locals[state] == "silent" else ask, prompt=False)
        self._lay_talk(node.at, lambda m: m.prompt if m.locals[state] == "silent" else "")
        self._into(node.at, attempt, lambda m: m.locals[attempt] + 1)
        self.jump(node.at, again)

    def _menu(self, node: ast.Hear) -> Menu | None:
        if node.kind != "menu":
            return None
        try:
            return Menu.of(node.options, tries=HEAR_TRIES)
        except ValueError as error:
            raise self.error("bad_menu", str(error), 'Escreva: HEAR x AS "vendas", "0:atendente".', node.at) from None

    # ---- decisions and loops

    def _if(self, node: ast.If) -> None:
        done = Label()
        for condition, body in node.branches:
            other = Label()
            self.jump_unless(condition.at, self.expression(condition), other)
            self.block(body)
            self.jump(condition.at, done)
            self.here(other)
        self.block(node.otherwise)
        self.here(done)

    def _switch(self, node: ast.Switch) -> None:
        subject = self.keep(node.at, self.expression(node.subject))
        done = Label()
        for case in node.cases:
            body, other = Label(), Label()
            for op, first, last in case.tests:
                missed = Label()
                self.jump_unless(case.at, self._case(subject, op, first, last), missed)
                self.jump(case.at, body)
                self.here(missed)
            self.jump(case.at, other)
            self.here(body)
            self.block(case.body)
            self.jump(case.at, done)
            self.here(other)
        self.block(node.otherwise)
        self.here(done)

    def _case(self, subject: str, op: str, first: ast.Expr, last: ast.Expr | None) -> Getter:
        low = self.expression(first)
        if last is not None:
            high = self.expression(last)

            def between(m: Machine) -> bool:
                here = m.locals[subject]
                return values.compare(low(m), here) <= 0 <= values.compare(high(m), here)

            return between
        if op == "=":
            return lambda m: values.equals(m.locals[subject], low(m))
        if op == "<>":
            return lambda m: not values.equals(m.locals[subject], low(m))
        wanted = {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (0, 1)}[op]
        return lambda m: values.compare(m.locals[subject], low(m)) in wanted

    def _for_each(self, node: ast.ForEach) -> None:
        items = self.expression(node.items)
        rest = self.keep(node.at, lambda m: values.iterated(items(m)))
        index = self.keep(node.at, lambda m: 0)
        put = self.putter(node.variable)
        counter = self.keep(node.at, lambda m: 0)
        top, done = Label(), Label()
        self.here(top)

        def make(after: int) -> Instruction:
            def run(m: Machine) -> int:
                found, place = m.locals[rest], m.locals[index]
                if place >= len(found):
                    return done.place
                put(m, found[place])
                m.locals[index] = place + 1
                return after

            return run

        self.lay(node.at, make)
        self._body("for", node.body, done)
        self._turn(node.at, counter, top)
        self.here(done)

    def _for(self, node: ast.For) -> None:
        start, stop = self.expression(node.start), self.expression(node.stop)
        step = self.expression(node.step) if node.step else (lambda m: 1)
        at = self.keep(node.at, lambda m: values.number_of(start(m), "FOR"))
        last = self.keep(node.at, lambda m: values.number_of(stop(m), "FOR"))

        def stepped(m: Machine) -> Value:
            by = values.number_of(step(m), "STEP")
            if by == 0:
                raise FlowError("zero_step", "STEP é zero: a repetição não andaria.", "Use outro STEP.")
            return by

        by = self.keep(node.at, stepped)
        counter = self.keep(node.at, lambda m: 0)
        put = self.putter(node.variable)
        top, done = Label(), Label()
        self.here(top)

        def make(after: int) -> Instruction:
            def run(m: Machine) -> int:
                here, end = m.locals[at], m.locals[last]
                if (here > end) if m.locals[by] > 0 else (here < end):
                    return done.place
                put(m, here)
                m.locals[at] = values.settled(here + m.locals[by])
                return after

            return run

        self.lay(node.at, make)
        self._body("for", node.body, done)
        self._turn(node.at, counter, top)
        self.here(done)

    def _loop(self, node: ast.Loop) -> None:
        counter = self.keep(node.at, lambda m: 0)
        top, done = Label(), Label()
        self.here(top)
        if node.before:
            self.jump_unless(node.before.at, self.expression(node.before), done)
        self._body(node.kind, node.body, done)
        if node.after:
            self.jump_unless(node.after.at, self.expression(node.after), done)
        self._turn(node.at, counter, top)
        self.here(done)

    def _body(self, kind: str, body: ast.Block, done: Label) -> None:
        self._exits.append((kind, done))
        self.block(body)
        self._exits.pop()

    def _turn(self, at: ast.At, counter: str, top: Label) -> None:
        """The end of a loop's body: count the turn and go back to the top."""
        line = at.line

        self.lay(at, lambda _: lambda m: m.turn(counter, line, top.place))

    def _exit(self, node: ast.Exit) -> None:
        if node.what == "flow":
            self.lay(node.at, lambda _: _finish)
        elif node.what == "sub":
            self.lay(node.at, lambda _: lambda m: m.give_back(None))
        else:
            label = next(label for kind, label in reversed(self._exits) if kind == node.what)
            self.jump(node.at, label)

    def _on_error(self, resume: bool, at: ast.At) -> None:
        def make(after: int) -> Instruction:
            def run(m: Machine) -> int:
                m.resumes = resume
                return after

            return run

        self.lay(at, make)

    def _declaration(self, node: ast.Declaration) -> None:
        self.declared.append(node)
        handler = dict(node.args).get("handler")
        if isinstance(handler, ast.Literal) and handler.value not in self.procedures:
            raise self.error("unknown_sub", f"não há SUB '{handler.value}'.", "Defina-o no mesmo fluxo.", node.at)
        if node.name != "param":
            self.expression(ast.Command(node.name, node.args, node.at))


def _declared(body: ast.Block) -> set[str]:
    """Names that are local to a procedure by DIM or by being a loop's variable."""
    found: set[str] = set()
    for node in body:
        match node:
            case ast.Declare(name):
                found.add(name)
            case ast.For(variable, _, _, _, inner) | ast.ForEach(variable, _, inner):
                found |= {variable.name} | _declared(inner)
            case ast.Loop(_, _, inner):
                found |= _declared(inner)
            case ast.If(branches, otherwise):
                found |= _declared(otherwise).union(*(_declared(each) for _, each in branches))
            case ast.Switch(_, cases, otherwise):
                found |= _declared(otherwise).union(*(_declared(case.body) for case in cases))
    return found


def _constant(node: ast.Expr) -> str | None:
    """The text that *node* always is, or None."""
    if isinstance(node, ast.Literal):
        return values.text_of(node.value).strip() and values.text_of(node.value)
    if isinstance(node, ast.Binary) and node.op in ("+", "&"):
        left, right = _constant(node.left), _constant(node.right)
        return left + right if left and right else None
    return None


def _understood(node: ast.Hear, menu: Menu | None, heard: Answer, text: str, m: Machine) -> tuple[Value, str | None]:
    """The value of an answer (None: it isn't one) and, for a menu, the option's word."""
    if not text:
        return None, None
    if menu is not None:
        option = menu.match_digits(text) if heard.via == "digits" else menu.match(text)
        if option is not None:
            return option.word, option.word
        return (text if node.open else None), None
    found = hear_types.read(node.kind, text, m.now().date())
    return (found.value if found else None), None
