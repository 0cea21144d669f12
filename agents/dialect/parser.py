"""Statements: from tokens to the tree. One method a statement; blocks end where their closing words stand.

flow       := statement*
statement  := TALK | HEAR | IF | SWITCH | FOR | WHILE | DO | SUB | FUNCTION | CALL | RETURN | EXIT | END
            | ON | PARAM | BEGIN … END | DIM | [LET|SET|CONST] target = value | command | call
separated by line ends or ":"
"""

from __future__ import annotations

from typing import Final

from . import ast
from .commands import STATEMENTS
from .cursor import nearest
from .declaring import Declaring
from .errors import DialectError
from .lexer import Token, tokens

BLOCKS_MAX: Final = 40  # blocks within blocks

# The words that close a block, and what each belongs to.
_CLOSERS: Final = {
    ("END", "IF"): "IF",
    ("ENDIF",): "IF",
    ("ELSEIF",): "IF",
    ("ELSE",): "IF",
    ("END", "SWITCH"): "SWITCH",
    ("END", "SELECT"): "SELECT CASE",
    ("CASE",): "SWITCH",
    ("DEFAULT",): "SWITCH",
    ("NEXT",): "FOR",
    ("WEND",): "WHILE",
    ("END", "WHILE"): "WHILE",
    ("LOOP",): "DO",
    ("END", "SUB"): "SUB",
    ("END", "FUNCTION"): "FUNCTION",
}
_CLOSER_STARTS: Final = frozenset(words[0] for words in _CLOSERS)
_ASSIGN: Final = ("=", "+=", "-=", "*=", "/=", "&=")


def parse(source: str, flow: str) -> ast.Block:
    """The statements of *source*.

    Raises:
        DialectError: the first thing that is no part of the language.
    """
    return _Parser(tokens(source, flow), flow).flow_body()


class _Parser(Declaring):
    def __init__(self, found: list[Token], flow: str) -> None:
        super().__init__(found, flow)
        self._blocks: list[tuple[str, ast.At]] = []  # open blocks, innermost last
        self._in_line = 0  # inside a one-line IF
        self.own_functions = frozenset(
            after.text.lower()
            for word, after in zip(found, found[1:], strict=False)
            if word.upper in ("SUB", "FUNCTION") and after.kind == "word"
        )

    def flow_body(self) -> ast.Block:
        body = self._block()
        if self.here.kind != "end":
            raise self._stray_closer()
        return body

    # ---- blocks

    def _block(self) -> ast.Block:
        """Statements up to a closing word (left in place) or the end of the flow."""
        found: list[ast.Statement] = []
        self.skip_newlines()
        while self.here.kind != "end" and not self._closer():
            found.extend(self._statement())
            self.need_line_end()
            self.skip_newlines()
        return tuple(found)

    def _inside(self, kind: str, at: ast.At) -> ast.Block:
        """The body of a block of *kind* that opened at *at*."""
        if len(self._blocks) >= BLOCKS_MAX:
            raise self.error("too_deep", "há blocos demais uns dentro dos outros.", "Separe em SUB ou FUNCTION.", at)
        self._blocks.append((kind, at))
        body = self._block()
        if self.here.kind == "end":
            raise self.error("unclosed_block", f"este {kind} não foi fechado.", _closing(kind), at)
        self._blocks.pop()
        return body

    def _closer(self) -> tuple[str, ...] | None:
        if self.here.upper not in _CLOSER_STARTS:
            return None
        for words in _CLOSERS:
            if self.at_words(*words):
                after = self.ahead(len(words))
                if len(words) == 1 and after.kind == "op" and after.text in (*_ASSIGN, "."):
                    continue  # a variable called "next"
                return words
        return None

    def _stray_closer(self, opened: tuple[str, ast.At] | None = None) -> DialectError:
        words = self._closer() or (self.here.text,)
        kind = _CLOSERS.get(words, "bloco")
        fix = f"Apague-o, ou falta o {kind} antes."
        if opened:
            fix = f"O bloco aberto é o {opened[0]} da linha {opened[1].line}: {_closing(opened[0])}"
        return self.error("stray_closer", f"{' '.join(words)} não fecha o que está aberto.", fix)

    def _close(self, kind: str, at: ast.At, *ways: tuple[str, ...]) -> None:
        for words in ways:
            if self.take_words(*words):
                return
        raise self._stray_closer((kind, at))

    # ---- statements

    def _statement(self) -> list[ast.Statement]:
        token = self.here
        if token.kind == "word":
            maker = self._makers.get(token.upper)
            if maker and not self._names_a_variable():
                made = maker(self)
                if made is not None:
                    return [made]
                return []
            return [self._command_or_assignment()]
        if self.at_op("?"):
            raise self.expected("um comando")
        raise self.error("no_statement", f"{self.shown()} não começa um comando.", "Um comando começa por uma palavra.")

    def _names_a_variable(self) -> bool:
        after = self.ahead()
        return after.kind == "op" and after.text in (*_ASSIGN, ".", "[") and self.here.upper not in ("IF", "RETURN")

    def _command_or_assignment(self) -> ast.Statement:
        token = self.here
        if self._declaration_here():
            return self._declaration()
        if self._names_a_variable() or self.ahead().text in ("(",):
            return self._assign_or_run()
        spec = self.command_here()
        if spec and token.text.lower() not in self.own_functions:
            return ast.Run(self.expression(), token.at)
        if token.text.lower() in self.own_functions:
            return ast.Run(self._call_open(), token.at)
        words = f"{token.text} {self.ahead().text}" if self.ahead().kind == "word" else token.text
        fix = nearest(words, list(STATEMENTS)) or nearest(token.text, list(STATEMENTS))
        raise self.error(
            "unknown_statement",
            f"'{token.text[:30]}' não é um comando que eu conheça, nem uma atribuição.",
            fix or "Para guardar um valor, escreva: nome = valor.",
        )

    def _assign_or_run(self) -> ast.Statement:
        at = self.here.at
        target = self._postfix(self._word_or_name())
        if self.at_op(*_ASSIGN):
            return self._assigned(target, at)
        if isinstance(target, ast.Call | ast.Method | ast.Command):
            return ast.Run(target, at)
        raise self.expected("'='", "Para guardar um valor, escreva: nome = valor.")

    def _word_or_name(self) -> ast.Expr:
        if self._names_a_variable():
            token = self.take()
            return ast.Name(token.text.lower(), token.text, token.at)
        return self._word()

    def _assigned(self, target: ast.Expr, at: ast.At) -> ast.Statement:
        if not isinstance(target, ast.Name | ast.Member | ast.Index):
            raise self.error("not_a_variable", "só se guarda valor em variável, campo ou posição.", "", at)
        op = self.take().text
        value = self.expression()
        if op != "=":
            value = ast.Binary(op[:-1], target, value, at)
        return ast.Assign(target, value, at)

    def _let(self) -> ast.Statement:
        at = self.take().at
        if self.here.kind != "word":
            raise self.expected("o nome de uma variável")
        token = self.take()
        target = self._postfix(ast.Name(token.text.lower(), token.text, token.at))
        if not self.at_op(*_ASSIGN):
            raise self.expected("'='")
        return self._assigned(target, at)

    def _set(self) -> ast.Statement:
        if self._declaration_here():
            return self._declaration()
        if self.command_here():
            return ast.Run(self.expression(), self.here.at)
        return self._let()

    def _dim(self) -> ast.Statement:
        at = self.take().at
        name = self._name("o nome de uma variável").text.lower()
        if self.take_words("AS"):
            self._name("um tipo")
        value = self.expression() if self.take_op("=") else None
        return ast.Declare(name, value, at)

    def _rem(self) -> None:
        while self.here.kind not in ("newline", "end"):
            self.take()

    # ---- decisions and loops

    def _if(self) -> ast.Statement:
        at = self.take().at
        condition = self.expression()
        self.need_words("THEN")
        if self.here.kind not in ("newline", "end"):
            return self._if_line(condition, at)
        branches: list[tuple[ast.Expr, ast.Block]] = [(condition, self._inside("IF", at))]
        while self.at_words("ELSEIF") or self.at_words("ELSE", "IF"):
            if not self.take_words("ELSEIF"):
                self.take_words("ELSE", "IF")
            test = self.expression()
            self.need_words("THEN")
            branches.append((test, self._inside("IF", at)))
        otherwise = self._inside("IF", at) if self.take_words("ELSE") else ()
        self._close("IF", at, ("END", "IF"), ("ENDIF",))
        return ast.If(tuple(branches), otherwise, at)

    def _if_line(self, condition: ast.Expr, at: ast.At) -> ast.Statement:
        self._in_line += 1
        if self._in_line > BLOCKS_MAX:
            raise self.error("too_deep", "há IFs demais numa linha.", "Use IF … END IF em várias linhas.", at)
        body = self._line_block()
        otherwise = self._line_block() if self.take_words("ELSE") else ()
        self.take_words("END", "IF")
        self._in_line -= 1
        return ast.If(((condition, body),), otherwise, at)

    def _line_block(self) -> ast.Block:
        found: list[ast.Statement] = []
        while True:
            found.extend(self._statement())
            if not self.take_op(":") or self.here.kind in ("newline", "end"):
                break
        if not (self.at_line_end() or self.at_words("ELSE") or self.at_words("END", "IF")):
            self.need_line_end()
        return tuple(found)

    def _switch(self) -> ast.Statement:
        token = self.take()
        kind = "SWITCH"
        if token.upper == "SELECT":
            self.need_words("CASE")
            kind = "SELECT CASE"
        subject = self.expression()
        self.skip_newlines()
        cases: list[ast.Case] = []
        otherwise: ast.Block = ()
        while self.at_words("CASE") or self.at_words("DEFAULT"):
            at = self.here.at
            if self.take_words("DEFAULT") or self.take_words("CASE", "ELSE"):
                self.take_op(":")
                otherwise = self._inside(kind, at)
                break
            self.take()
            tests = [self._case_test()]
            while self.take_op(","):
                tests.append(self._case_test())
            cases.append(ast.Case(tuple(tests), self._inside(kind, at), at))
        if self.here.kind == "end":
            raise self.error("unclosed_block", f"este {kind} não foi fechado.", _closing(kind), token.at)
        self._close(kind, token.at, ("END", "SWITCH"), ("END", "SELECT"))
        return ast.Switch(subject, tuple(cases), otherwise, token.at)

    def _case_test(self) -> tuple[str, ast.Expr, ast.Expr | None]:
        if self.take_words("IS"):
            if not self.at_op("=", "<>", "<", "<=", ">", ">="):
                raise self.expected("uma comparação", "Escreva: CASE IS > 10.")
            return self.take().text, self.expression(), None
        first = self.expression()
        if self.take_words("TO"):
            return "to", first, self.expression()
        return "=", first, None

    def _for(self) -> ast.Statement:
        at = self.take().at
        each = self.take_words("EACH")
        token = self._name("o nome da variável do FOR")
        variable = ast.Name(token.text.lower(), token.text, token.at)
        if each:
            self.need_words("IN")
            items = self.expression()
            body = self._inside("FOR", at)
            made: ast.Statement = ast.ForEach(variable, items, body, at)
        else:
            self.need_op("=")
            start = self.expression()
            self.need_words("TO")
            stop = self.expression()
            step = self.expression() if self.take_words("STEP") else None
            made = ast.For(variable, start, stop, step, self._inside("FOR", at), at)
        self._close("FOR", at, ("NEXT",))
        if self.here.kind == "word" and not self.at_words("ELSE"):
            closed = self.take()
            if closed.text.lower() != variable.name:
                raise self.error(
                    "wrong_next",
                    f"este NEXT é do FOR {variable.written} da linha {at.line}, não de '{closed.text}'.",
                    f"Escreva NEXT {variable.written}.",
                    closed.at,
                )
        return made

    def _while(self) -> ast.Statement:
        at = self.take().at
        before = self.expression()
        body = self._inside("WHILE", at)
        self._close("WHILE", at, ("WEND",), ("END", "WHILE"))
        return ast.Loop(before, None, body, "while", at)

    def _do(self) -> ast.Statement:
        at = self.take().at
        before = self._loop_condition()
        body = self._inside("DO", at)
        self._close("DO", at, ("LOOP",))
        return ast.Loop(before, self._loop_condition(), body, "do", at)

    def _loop_condition(self) -> ast.Expr | None:
        at = self.here.at
        if self.take_words("WHILE"):
            return self.expression()
        if self.take_words("UNTIL"):
            return ast.Unary("not", self.expression(), at)
        return None

    # ---- procedures

    def _define(self) -> ast.Statement:
        token = self.take()
        kind = token.upper
        if self._blocks:
            raise self.error(
                "nested_sub", f"{kind} não pode ficar dentro de outro bloco.", "Leve-o para o fim do fluxo."
            )
        name = self._name(f"o nome do {kind}").text.lower()
        params: list[str] = []
        if self.at_op("("):
            opened = self.take()
            while not self.at_op(")"):
                params.append(self._name("o nome de um parâmetro").text.lower())
                if self.take_words("AS"):
                    self._name("um tipo")
                if not self.take_op(","):
                    break
            self.need_op(")", opened)
        self.take_words("AS") and self._name("um tipo")
        body = self._inside(kind, token.at)
        self._close(kind, token.at, ("END", kind))
        return ast.Define(name, tuple(params), body, token.at)

    def _call(self) -> ast.Statement:
        at = self.here.at
        if self.command_here():
            return ast.Run(self.expression(), at)
        self.take()
        if self.here.kind != "word":
            raise self.expected("o nome de um SUB ou FUNCTION")
        return ast.Run(self._call_open(), at)

    def _call_open(self) -> ast.Expr:
        """``name``, ``name a, b`` or ``name(a, b)``."""
        token = self.take()
        if self.at_op("(") or not self.at_expression():
            args = self._bracketed() if self.at_op("(") else ()
        else:
            found = [self.expression()]
            while self.take_op(","):
                found.append(self.expression())
            args = tuple(found)
        return self._postfix(ast.Call(token.text.lower(), args, token.at))

    def _return(self) -> ast.Statement:
        at = self.take().at
        return ast.Return(self.expression() if self.at_expression() or self.at_words("NOT") else None, at)

    def _exit(self) -> ast.Statement:
        at = self.take().at
        for word in ("FOR", "WHILE", "DO"):
            if self.take_words(word):
                if not self._inside_of(word):
                    raise self.error("stray_exit", f"EXIT {word} fora de um {word}.", "Apague-o.", at)
                return ast.Exit(word.lower(), at)  # type: ignore[arg-type]
        if self.take_words("SUB") or self.take_words("FUNCTION"):
            if not (self._inside_of("SUB") or self._inside_of("FUNCTION")):
                raise self.error("stray_exit", "EXIT SUB fora de um SUB.", "Use EXIT para encerrar o fluxo.", at)
            return ast.Exit("sub", at)
        return ast.Exit("flow", at)

    def _inside_of(self, kind: str) -> bool:
        return any(opened == kind for opened, _ in self._blocks)

    def _end(self) -> ast.Statement:
        at = self.take().at
        if not self.at_line_end() and not self.at_words("ELSE"):
            raise self._unknown_end(at)
        return ast.Exit("flow", at)

    def _unknown_end(self, at: ast.At) -> DialectError:
        return self.error("stray_closer", f"END {self.here.text} não fecha nada.", "Apague-o, ou falta o começo.", at)

    def _goto(self) -> ast.Statement:
        raise self.error(
            "no_goto", f"{self.here.upper} não faz parte da linguagem.", "Use WHILE … WEND, SUB ou FUNCTION."
        )

    _makers = {
        "TALK": Declaring._talk,
        "HEAR": Declaring._hear,
        "BEGIN": Declaring._begin,
        "IF": _if,
        "SWITCH": _switch,
        "SELECT": _switch,
        "FOR": _for,
        "WHILE": _while,
        "DO": _do,
        "SUB": _define,
        "FUNCTION": _define,
        "CALL": _call,
        "RETURN": _return,
        "EXIT": _exit,
        "STOP": _end,
        "END": _end,
        "GOTO": _goto,
        "GOSUB": _goto,
        "ON": Declaring._on,
        "PARAM": Declaring._param,
        "LET": _let,
        "CONST": _let,
        "SET": _set,
        "DIM": _dim,
        "REM": _rem,
        "UPDATE": Declaring._update,
        "INSERT": Declaring._insert,
    }


def _closing(kind: str) -> str:
    words = {"FOR": "NEXT", "WHILE": "WEND", "DO": "LOOP", "SELECT CASE": "END SELECT"}.get(kind, f"END {kind}")
    return f"Acrescente {words} no fim dele."
