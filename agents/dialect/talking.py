"""Statements that talk and listen.

TALK x | TALK TO "channel:address", x
HEAR v | HEAR v AS TYPE | HEAR v AS "1:vendas|comprar", "suporte"[, TEXT]
BEGIN TALK | MAIL to, subject | SYSTEM PROMPT ... text with ${expression} ... END ...
"""

from __future__ import annotations

import re

from . import ast
from .cursor import nearest
from .expressions import Expressions
from .hear_types import KINDS, kind_of
from .lexer import Token, tokens


class Talking(Expressions):
    """The part of the parser that reads them."""

    def _name(self, what: str) -> Token:
        if self.here.kind != "word":
            raise self.expected(what)
        return self.take()

    def _talk(self) -> ast.Statement:
        at = self.here.at
        spec = self.command_here()
        if spec:  # TALK TO MEET
            return ast.Run(self.expression(), at)
        self.take()
        to = None
        if self.take_words("TO"):
            to = self.expression()
            self.need_op(",")
        elif not self.at_expression() and not self.at_words("NOT"):
            raise self.expected("o texto a dizer", 'Escreva: TALK "Olá!".')
        return ast.Talk(self.expression(), to, at)

    def _hear(self) -> ast.Statement:
        at = self.here.at
        if self.command_here():  # HEAR FROM MEET
            return ast.Run(self.expression(), at)
        self.take()
        token = self._name("o nome da variável que recebe a resposta")
        target = self._postfix(ast.Name(token.text.lower(), token.text, token.at))
        if not isinstance(target, ast.Name | ast.Member | ast.Index):
            raise self.error("not_a_variable", "HEAR guarda a resposta numa variável ou campo.", "", token.at)
        if not self.take_words("AS"):
            return ast.Hear(target, "text", (), False, at)
        if self.here.kind == "text":
            return self._menu(target, at)
        kind = kind_of(self._name('um tipo ou opções entre aspas, como "sim", "não"').text)
        if kind is None:
            self.back_to(self.mark - 1)
            raise self.error(
                "unknown_type",
                f"{self.shown()} não é um tipo de resposta.",
                nearest(self.here.text, list(KINDS)) or "Tipos: " + ", ".join(KINDS) + ".",
            )
        return ast.Hear(target, kind, (), False, at)

    def _menu(self, target: ast.Target, at: ast.At) -> ast.Statement:
        """``AS "vendas", "2:suporte", "0:atendente|pessoa"[, TEXT]``."""
        options, free = [self.take().text], False
        while self.take_op(","):
            if self.take_words("TEXT"):
                free = True
                break
            if self.here.kind != "text":
                raise self.expected("outra opção entre aspas, ou TEXT")
            options.append(self.take().text)
        return ast.Hear(target, "menu", tuple(options), free, at)

    def _begin(self) -> ast.Statement:
        at = self.take().at
        kind = self._name("TALK, MAIL ou SYSTEM PROMPT").upper
        if kind == "SYSTEM":
            self.need_words("PROMPT")
        args: list[tuple[str, ast.Expr]] = []
        for name in ("to", "subject"):
            if kind == "MAIL" and self.at_expression():
                args.append((name, self.expression()))
                self.take_op(",")
        if self.here.kind != "block":
            self.need_line_end()
            self.skip_newlines()
        if self.here.kind != "block":
            raise self.expected("o texto do bloco")
        text = self._template(self.take())
        if kind == "TALK":
            return ast.Talk(text, None, at)
        if kind == "MAIL":
            return ast.Run(ast.Command("send_mail", (*args, ("body", text)), at), at)
        return ast.Run(ast.Command("system_prompt", (("text", text),), at), at)

    def _template(self, block: Token) -> ast.Expr:
        """A block's text, its common indentation removed, with its ``${...}`` parsed in place."""
        lines = block.text.split("\n")
        indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
        cut = min(indents, default=0)
        parts: list[ast.Expr] = []
        kept = ""
        for row, line in enumerate(lines):
            shift = cut if line.strip() else len(line)
            place = shift
            for found in re.finditer(r"\$\{([^{}]*)\}", line):
                kept += line[place : found.start()]
                inner = ast.At(block.at.line + row, found.start(1) + 1)
                parts += [ast.Literal(kept, inner)] if kept else []
                kept, place = "", found.end()
                parts.append(self._inner(found[1], inner))
            kept += line[place:].rstrip() + ("\n" if row < len(lines) - 1 else "")
        parts += [ast.Literal(kept.rstrip(), block.at)] if kept.rstrip() else []
        if len(parts) > 1000:
            raise self.error("too_deep", "há ${...} demais neste bloco.", "Divida-o em blocos menores.", block.at)
        if all(isinstance(part, ast.Literal) for part in parts):
            return ast.Literal("".join(str(p.value) for p in parts if isinstance(p, ast.Literal)), block.at)
        return ast.Template(tuple(parts), block.at)

    def _inner(self, source: str, at: ast.At) -> ast.Expr:
        inner = Expressions(tokens(source, self.flow, first=at)[:-2] + [Token("end", "", at)], self.flow)
        inner.own_functions = self.own_functions
        found = inner.expression()
        if inner.here.kind != "end":
            raise inner.expected("'}'", "Dentro de ${ } cabe uma só expressão.")
        return found
