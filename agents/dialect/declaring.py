"""What a flow says of itself, and the statements that borrow SQL's spelling.

ON ERROR RESUME NEXT | ON ERROR GOTO 0 | ON INSERT|UPDATE|DELETE OF t | ON EMAIL a | ON "event" CALL sub
PARAM name AS TYPE [LIKE x] [REQUIRED|OPTIONAL] [DESCRIPTION x] | DESCRIPTION x | SET SCHEDULE x | WEBHOOK x
UPDATE t SET a = 1, b = 2 WHERE c = 3 | INSERT INTO t WITH a = 1, b = 2
"""

from __future__ import annotations

from . import ast
from .commands import DECLARATIONS, CommandSpec
from .talking import Talking


class Declaring(Talking):
    """The part of the parser that reads them."""

    def _on(self) -> ast.Statement:
        at = self.take().at
        if self.take_words("ERROR"):
            if self.take_words("RESUME", "NEXT"):
                return ast.OnError(True, at)
            if self.take_words("GOTO") and self.here.kind == "number" and self.take().value == 0:
                return ast.OnError(False, at)
            raise self.expected("RESUME NEXT ou GOTO 0", "Escreva: ON ERROR RESUME NEXT.")
        for word in ("INSERT", "UPDATE", "DELETE"):
            if self.take_words(word):
                self.need_words("OF")
                return self._declared("on_change", at, operation=ast.Literal(word.lower(), at), table=self.expression())
        if self.take_words("EMAIL"):
            named = {"address": self.expression()}
            for link in ("FROM", "SUBJECT"):
                if self.take_words(link):
                    named[link.lower()] = self.expression()
            return self._declared("on_email", at, **named)
        event = self.expression()
        self.need_words("CALL")
        handler = self._name("o nome de um SUB")
        return self._declared("on_event", at, event=event, handler=ast.Literal(handler.text.lower(), handler.at))

    def _declared(self, kind: str, at: ast.At, /, **args: ast.Expr) -> ast.Statement:
        return ast.Declaration(kind, tuple(args.items()), at)

    def _declaration_here(self) -> CommandSpec | None:
        for spec in DECLARATIONS.get(self.here.upper, ()):
            if self.at_words(*spec.phrase) and self.ahead(len(spec.phrase)).kind in ("text", "word"):
                return spec
        return None

    def _declaration(self) -> ast.Statement:
        at = self.here.at
        spec = self._declaration_here()
        assert spec is not None
        made = self.command(spec)
        assert isinstance(made, ast.Command)
        return ast.Declaration(made.name, made.args, at)

    def _param(self) -> ast.Statement:
        """``PARAM name AS TYPE [LIKE "x"] [REQUIRED|OPTIONAL] [DESCRIPTION "…"]``."""
        at = self.take().at
        name = self._name("o nome do parâmetro")
        named: dict[str, ast.Expr] = {"name": ast.Literal(name.text.lower(), name.at)}
        if self.take_words("AS"):
            named["type"] = ast.Literal(self._name("um tipo").text.lower(), name.at)
        if self.take_words("LIKE"):
            named["like"] = self._binary(0)
        for word in ("REQUIRED", "OPTIONAL"):
            if self.take_words(word):
                named["required"] = ast.Literal(word == "REQUIRED", name.at)
        if self.take_words("DESCRIPTION"):
            named["description"] = self._binary(0)
        return self._declared("param", at, **named)

    # ---- the spellings of SQL

    def _update(self) -> ast.Statement:
        """``UPDATE t SET a = 1, b = 2 WHERE c = 3``; the comma form is a plain command."""
        at = self.here.at
        mark = self.mark
        self.take()
        if self.at_expression():
            table = self._atom()
            if self.take_words("SET"):
                values = self._pairs()
                self.need_words("WHERE")
                where = self._binary(0)
                args = (("table", _word(table)), ("where", where), ("values", values))
                return ast.Run(ast.Command("update", args, at), at)
        self.back_to(mark)
        return self._plain_command(at)

    def _insert(self) -> ast.Statement:
        """``INSERT INTO t WITH a = 1, b = 2``; the comma form is a plain command."""
        at = self.here.at
        mark = self.mark
        self.take()
        if self.take_words("INTO") and self.at_expression():
            table = self._atom()
            if self.take_words("WITH") and not self.at_op("{", "#"):
                args = (("table", _word(table)), ("values", self._pairs()))
                return ast.Run(ast.Command("create", args, at), at)
        self.back_to(mark)
        return self._plain_command(at)

    def _plain_command(self, at: ast.At) -> ast.Statement:
        """The comma form, of the table of commands."""
        if not self.command_here():
            self.take()
            raise self.expected("o nome da tabela entre aspas", 'Escreva como UPDATE "clientes", id, {...}.')
        return ast.Run(self.expression(), at)

    def _pairs(self) -> ast.RecordLiteral:
        """``a = 1, b = 2``."""
        at = self.here.at
        items: list[tuple[str, ast.Expr]] = []
        while True:
            name = self._name("o nome de um campo").text
            self.need_op("=")
            items.append((name, self._binary(0)))
            if not self.take_op(","):
                return ast.RecordLiteral(tuple(items), at)


def _word(table: ast.Expr) -> ast.Expr:
    if isinstance(table, ast.Name):
        return ast.BareWord(table.name, table.written, table.at)
    return table
