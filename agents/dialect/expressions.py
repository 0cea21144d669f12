"""Expressions, by operator precedence (Pratt).

    loosest   OR  <  AND  <  NOT  <  = <> < <= > >= IN LIKE FOUND IS  <  ??  <  &  <  + -  <  MOD  <  * / \\  <  ^
    prefix    NOT x   -x
    postfix   x.field   x.method(a, b)   x[i]   x FOUND   x NOT FOUND   x IS [NOT] NULL
    atoms     "text"  12.5  TRUE FALSE NULL  name  name(args)  ( x )  [ a, b ]  { k: v }  #{ k: v }
    commands  FIND "t", f  and every other statement that gives a value (commands.py)

``"Olá " + nome ?? "cliente"`` is ``("Olá " + nome) ?? "cliente"``: put brackets around the ``??`` that is meant for
the name alone. Nesting is bounded, so a hostile text can't exhaust the stack.
"""

from __future__ import annotations

from typing import Final

from . import ast
from .commands import COMMANDS, CommandSpec, Parameter
from .cursor import Cursor
from .functions import KEYWORD_FUNCTIONS
from .lexer import Token

NESTING_MAX: Final = 40  # brackets within brackets
CHAIN_MAX: Final = 200  # depth of one expression's tree

_BINARY: Final = {
    "=": 40, "==": 40, "<>": 40, "!=": 40, "<": 40, "<=": 40, ">": 40, ">=": 40,
    "??": 50, "&": 55, "+": 60, "-": 60, "%": 65, "*": 70, "/": 70, "\\": 70, "^": 90,
}  # fmt: skip
_SPELT: Final = {"==": "=", "!=": "<>", "%": "mod"}
_WORD_POWERS: Final = {"OR": 10, "AND": 20, "IN": 40, "LIKE": 40, "FOUND": 40, "IS": 40, "NOT": 40, "MOD": 65}
_NOT, _MINUS = 30, 80
_CONSTANTS: Final = {"TRUE": True, "FALSE": False, "NULL": None, "VERDADEIRO": True, "FALSO": False, "NULO": None}


class Expressions(Cursor):
    """The expression half of the parser."""

    def __init__(self, tokens: list[Token], flow: str) -> None:
        super().__init__(tokens, flow)
        self._nesting = 0
        self.own_functions: frozenset[str] = frozenset()  # names of the flow's SUBs and FUNCTIONs, lower case

    def expression(self) -> ast.Expr:
        """One whole expression; its depth is checked here, once."""
        at = self.here.at
        found = self._binary(0)
        if _depth(found) > CHAIN_MAX:
            raise self.error("too_deep", "esta expressão é longa demais.", "Divida-a em variáveis intermediárias.", at)
        return found

    def _binary(self, floor: int) -> ast.Expr:
        self._nesting += 1
        if self._nesting > NESTING_MAX * 2:
            raise self.error("too_deep", "há parênteses demais uns dentro dos outros.", "Divida a expressão.")
        left = self._prefix()
        while True:
            power, op = self._operator()
            if power <= floor:
                self._nesting -= 1
                return left
            left = self._infix(left, op, power)

    def _operator(self) -> tuple[int, str]:
        token = self.here
        if token.kind == "op":
            return _BINARY.get(token.text, 0), _SPELT.get(token.text, token.text)
        if token.kind == "word":
            word = token.upper
            if word == "NOT" and self.ahead().upper not in ("IN", "LIKE", "FOUND"):
                return 0, ""
            return _WORD_POWERS.get(word, 0), word
        return 0, ""

    def _infix(self, left: ast.Expr, op: str, power: int) -> ast.Expr:
        at = self.take().at
        if op == "NOT":
            op = "NOT-" + self.take().upper
        if op in ("FOUND", "NOT-FOUND"):
            return ast.IsFound(left, op != "FOUND", at)
        if op == "IS":
            negated = self.take_words("NOT")
            self.need_words("NULL")
            return ast.Binary("<>" if negated else "=", left, ast.Literal(None, at), at)
        right = self._binary(power - 1 if op == "^" else power)
        if op == "AND":
            return ast.Logical("and", left, right, at)
        if op == "OR":
            return ast.Logical("or", left, right, at)
        return ast.Binary(op.lower(), left, right, at)

    def _prefix(self) -> ast.Expr:
        token = self.here
        if self.take_words("NOT"):
            return ast.Unary("not", self._binary(_NOT), token.at)
        if self.take_op("-"):
            return ast.Unary("-", self._binary(_MINUS), token.at)
        if self.take_op("+"):
            return ast.Unary("+", self._binary(_MINUS), token.at)
        return self._postfix(self._atom())

    def _postfix(self, found: ast.Expr) -> ast.Expr:
        while True:
            at = self.here.at
            if self.at_op(".") and self.ahead().kind == "word":
                self.take()
                name = self.take().text
                if self.at_op("("):
                    found = ast.Method(found, name, self._bracketed(), at)
                else:
                    found = ast.Member(found, name, at)
            elif self.at_op("[") and not (self.here.spaced and isinstance(found, ast.Literal)):
                opened = self.take()
                index = self._binary(0)
                self.need_op("]", opened)
                found = ast.Index(found, index, at)
            else:
                return found

    # ---- atoms

    def _atom(self) -> ast.Expr:
        token = self.here
        if token.kind == "text":
            return ast.Literal(self.take().text, token.at)
        if token.kind == "number":
            return ast.Literal(self.take().value, token.at)
        if token.kind == "word":
            return self._word()
        if self.at_op("("):
            opened = self.take()
            inside = self._binary(0)
            self.need_op(")", opened)
            return inside
        if self.at_op("["):
            return ast.ListLiteral(self._list("]"), token.at)
        if self.at_op("{", "#"):
            return self.record()
        raise self.expected("um valor")

    def _word(self) -> ast.Expr:
        token = self.here
        if token.upper in _CONSTANTS:
            return ast.Literal(_CONSTANTS[self.take().upper], token.at)
        name = token.text.lower()
        spec = self.command_here()
        if spec and name not in self.own_functions:
            return self.command(spec)
        if not self.at_expression():
            raise self.expected("um valor")
        phrase = self._keyword_function()
        if phrase:
            return phrase
        self.take()
        if self.at_op("("):
            return ast.Call(name, self._bracketed(), token.at)
        return ast.Name(name, token.text, token.at)

    def _keyword_function(self) -> ast.Expr | None:
        """``AGGREGATE "SUM", data, "f"``: a data function written as a statement is, without brackets."""
        token = self.here
        words = 2 if token.upper == "GROUP" and self.ahead().upper == "BY" else 1
        name = "group_by" if words == 2 else token.text.lower()
        after = self.ahead(words)
        begins = after.kind in ("text", "number") or (after.text in ("[", "{") and after.spaced)
        begins = begins or (
            after.kind == "word" and self.ahead(words + 1).text not in ("(",) and after.upper not in _WORD_POWERS
        )
        if name not in KEYWORD_FUNCTIONS or name in self.own_functions or not begins:
            return None
        for _ in range(words):
            self.take()
        if not self.at_expression():
            return ast.Name(name, token.text, token.at)
        args = [self._binary(0)]
        while self.take_op(","):
            args.append(self._binary(0))
        return ast.Call(name, tuple(args), token.at)

    def _bracketed(self) -> tuple[ast.Expr, ...]:
        return self._list(")")

    def _list(self, close: str) -> tuple[ast.Expr, ...]:
        """``( a, b )`` or ``[ a, b ]`` from the opening bracket on."""
        opened = self.take()
        items: list[ast.Expr] = []
        while not self.at_op(close):
            items.append(self._binary(0))
            if not self.take_op(","):
                break
        self.need_op(close, opened)
        return tuple(items)

    def record(self) -> ast.RecordLiteral:
        """``{ "k": v, k: v }`` or ``#{ ... }``; ``=`` is taken for ``:`` too."""
        at = self.here.at
        self.take_op("#")
        if not self.at_op("{"):
            raise self.expected("'{'")
        opened = self.take()
        items: list[tuple[str, ast.Expr]] = []
        while not self.at_op("}"):
            if self.here.kind not in ("word", "text", "number"):
                raise self.expected("o nome de um campo", 'Escreva {"campo": valor}.')
            key = self.take().text
            if not self.take_op(":", "="):
                raise self.expected("':'", f"Escreva {{{key}: valor}}.")
            items.append((key, self._binary(0)))
            if not self.take_op(","):
                break
        self.need_op("}", opened)
        return ast.RecordLiteral(tuple(items), at)

    # ---- commands

    def command_here(self) -> CommandSpec | None:
        """The statement of the table that stands here, if one does."""
        if self.here.kind != "word":
            return None
        for spec in COMMANDS.get(self.here.upper, ()):
            if self.at_words(*spec.phrase) and (len(spec.phrase) > 1 or self._begins(self.ahead(), spec)):
                return spec
        return None

    def _begins(self, token: Token, spec: CommandSpec) -> bool:
        if not spec.parameters or all(p.optional for p in spec.parameters):
            return token.kind != "op" or token.text in ("(", "{", "#")
        if token.kind == "word":
            return token.upper not in _WORD_POWERS and token.upper not in ("THEN", "ELSE", "TO", "AS", "STEP")
        return token.kind in ("text", "number") or token.text in ("{", "#", "(")

    def command(self, spec: CommandSpec) -> ast.Expr:
        """A statement of the table, arguments and all: ``FIND "t", f`` or ``FIND("t", f)``."""
        at = self.here.at
        for _ in spec.phrase:
            self.take()
        called = self._called(spec)
        args = called if called is not None else self._arguments(spec)
        given = {"filter" if name == "where" else name for name, _ in args}
        for parameter in spec.parameters:
            if not parameter.optional and parameter.name not in given:
                raise self.expected(f"'{parameter.name}' de {spec.spoken}", usage(spec))
        return ast.Command(spec.name, tuple(args), at)

    def _called(self, spec: CommandSpec) -> list[tuple[str, ast.Expr]] | None:
        """The arguments in brackets, when the brackets hold all of them; None for the open form."""
        if not self.at_op("("):
            return None
        mark, depth = self.mark, self._nesting
        items = self._bracketed()
        if len(items) == 1 and not (self.at_line_end() or self.at_op(".", "[", ")", ",", "]", "}")):
            self.back_to(mark)  # FIND ("a" + b) + c: the bracket was the expression's own
            self._nesting = depth
            return None
        if len(items) > len(spec.parameters):
            raise self.error("too_many", f"{spec.spoken} recebeu argumentos demais.", usage(spec))
        if len(items) == 1 and self.at_op(","):
            self.back_to(mark)
            self._nesting = depth
            return None
        return [(p.name, _word_of(p, each)) for p, each in zip(spec.parameters, items, strict=False)]

    def _arguments(self, spec: CommandSpec) -> list[tuple[str, ast.Expr]]:
        args: list[tuple[str, ast.Expr]] = []
        comma = False
        for parameter in spec.parameters:
            linked = bool(parameter.link) and self.take_words(*parameter.link)
            if args and not linked and not comma:
                comma = self.take_op(",")
                linked = comma and bool(parameter.link) and self.take_words(*parameter.link)
            if not (linked or comma or not args):
                continue
            if not self.at_expression() and not self.at_words("NOT"):
                if parameter.optional and not comma and not linked:
                    continue
                raise self.expected(f"'{parameter.name}' de {spec.spoken}", usage(spec))
            comma = False
            name = "where" if linked and parameter.link == ("WHERE",) else parameter.name
            args.append((name, _word_of(parameter, self._binary(0))))
        if comma or self.at_op(","):
            raise self.error("too_many", f"{spec.spoken} recebeu argumentos demais.", usage(spec))
        return args


def usage(spec: CommandSpec) -> str:
    """``Escreva: FIND table, filter``."""
    parts = [f"[{p.name}]" if p.optional else p.name for p in spec.parameters]
    return f"Escreva: {spec.spoken} {', '.join(parts)}".rstrip() + "."


def _word_of(parameter: Parameter, value: ast.Expr) -> ast.Expr:
    """A bare word where one is allowed: the variable's text if it holds one, else the word."""
    if parameter.bare and isinstance(value, ast.Name):
        return ast.BareWord(value.name, value.written, value.at)
    return value


def _depth(root: ast.Expr) -> int:
    """The depth of an expression's tree, found without recursion."""
    if isinstance(root, ast.Literal | ast.Name):
        return 1
    deepest = 0
    waiting: list[tuple[ast.Expr, int]] = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting.extend((child, depth + 1) for child in children(node))
    return deepest


def children(node: ast.Expr) -> tuple[ast.Expr, ...]:
    """The expressions directly below *node*."""
    match node:
        case ast.Member(inner) | ast.Unary(_, inner) | ast.IsFound(inner):
            return (inner,)
        case ast.Index(left, right) | ast.Binary(_, left, right) | ast.Logical(_, left, right):
            return (left, right)
        case ast.RecordLiteral(items):
            return tuple(value for _, value in items)
        case ast.ListLiteral(values) | ast.Template(values):
            return values
        case ast.Call(_, args):
            return args
        case ast.Method(inner, _, args):
            return (inner, *args)
        case ast.Command(_, named):
            return tuple(value for _, value in named)
    return ()
