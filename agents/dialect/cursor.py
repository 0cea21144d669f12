"""A place in the tokens, and how the parsers look ahead, insist and complain."""

from __future__ import annotations

from difflib import get_close_matches

from .ast import At
from .errors import DialectError
from .lexer import Token

# Words that never begin an expression, so that an argument list ends before them.
RESERVED = frozenset(
    (
        *("THEN", "ELSE", "ELSEIF", "AND", "OR", "IN", "LIKE", "IS", "MOD", "TO", "STEP", "AS", "WITH", "USING"),
        *("FOUND", "END", "WHERE"),
    )
)


class Cursor:
    """Reads tokens left to right. The last token is of kind ``end`` and is never passed."""

    def __init__(self, tokens: list[Token], flow: str) -> None:
        self._tokens = tokens
        self._index = 0
        self.here = tokens[0]
        self.flow = flow

    def ahead(self, count: int = 1) -> Token:
        index = self._index + count
        return self._tokens[index] if index < len(self._tokens) else self._tokens[-1]

    def take(self) -> Token:
        token = self.here
        if token.kind != "end":
            self.back_to(self._index + 1)
        return token

    @property
    def mark(self) -> int:
        return self._index

    def back_to(self, mark: int) -> None:
        self._index = mark
        self.here = self._tokens[mark]

    # ---- looking

    def at_op(self, *ops: str) -> bool:
        return self.here.kind == "op" and self.here.text in ops

    def at_words(self, *words: str) -> bool:
        """Do these words stand here, in any case?"""
        if self.here.upper != words[0]:
            return False
        return all(self.ahead(n).upper == words[n] for n in range(1, len(words)))

    def at_line_end(self) -> bool:
        return self.here.kind in ("newline", "end") or self.at_op(":")

    def at_expression(self) -> bool:
        """Could an expression begin here?"""
        if self.here.kind in ("text", "number"):
            return True
        if self.here.kind == "word":
            return self.here.upper not in RESERVED
        return self.at_op("(", "[", "{", "-", "#")

    # ---- taking

    def take_op(self, *ops: str) -> bool:
        if self.at_op(*ops):
            self.take()
            return True
        return False

    def take_words(self, *words: str) -> bool:
        if self.at_words(*words):
            self.back_to(self._index + len(words))
            return True
        return False

    def skip_newlines(self) -> None:
        while self.here.kind == "newline" or self.at_op(":"):
            self.take()

    def need_op(self, op: str, opened: Token | None = None) -> Token:
        if self.at_op(op):
            return self.take()
        fix = f"Escreva '{op}' aqui."
        if opened:
            fix = f"Ele fecha o '{opened.text}' da linha {opened.at.line}, coluna {opened.at.column}."
        raise self.expected(f"'{op}'", fix)

    def need_words(self, *words: str) -> None:
        if not self.take_words(*words):
            raise self.expected(" ".join(words))

    def need_line_end(self) -> None:
        if not self.at_line_end():
            raise self.error(
                "unexpected",
                f"{self.shown()} não cabe aqui; o comando já estava completo.",
                "Comece outra linha, ou falta um operador ou uma vírgula antes.",
            )

    # ---- complaining

    def shown(self) -> str:
        token = self.here
        if token.kind == "newline":
            return "o fim da linha"
        if token.kind == "end":
            return "o fim do fluxo"
        if token.kind == "block":
            return "um bloco de texto"
        text = token.text if len(token.text) <= 30 else token.text[:29] + "…"
        return f'o texto "{text}"' if token.kind == "text" else f"'{text}'"

    def expected(self, what: str, fix: str = "") -> DialectError:
        return self.error("expected", f"esperava {what} e achou {self.shown()}.", fix)

    def error(self, code: str, what: str, fix: str = "", at: At | None = None) -> DialectError:
        at = at or self.here.at
        return DialectError(code, what, fix, flow=self.flow, line=at.line, column=at.column)


def nearest(word: str, known: list[str]) -> str:
    """``Você quis dizer X?`` for the known word most like *word*, or nothing."""
    found = get_close_matches(word[:60].upper(), [k.upper() for k in known], n=1, cutoff=0.7)
    return f"Você quis dizer {found[0]}?" if found else ""
