"""Source text to tokens.

    line      := token* [comment] newline            newlines inside ( ) [ ] { } don't count
    token     := word | number | "text" | operator
    comment   := ' to the end of the line            (REM is a statement, so the parser's word)
    continued := token* _ newline                    the next line goes on
    block     := BEGIN TALK|MAIL|SYSTEM PROMPT ... newline  any text  END TALK|...

Keywords are words: what a word means is decided by where it stands, so ``sentiment.score`` and ``SENTIMENT x`` live
together. In a text, ``""`` is a quote, and so is ``\\"``; ``\\n``, ``\\t`` and ``\\\\`` are what they are elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from .ast import At
from .errors import DialectError

Kind = Literal["word", "number", "text", "op", "newline", "block", "end"]

_TOKEN: Final = re.compile(
    r"""(?P<space>[ \t\f\v\u00a0\u200b\ufeff]+)
      | (?P<comment>'.*)
      | (?P<text>"(?:[^"\\]|""|\\.)*")
      | (?P<number>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<word>[^\W\d]\w*)
      | (?P<op><>|<=|>=|==|!=|\?\?|\+=|-=|\*=|/=|&=|[=<>+\-*/\\^%&(),.:;\[\]{}\#])
    """,
    re.VERBOSE,
)
_BLOCK: Final = re.compile(r"\s*BEGIN\s+(TALK|MAIL|SYSTEM\s+PROMPT)(?!\w)", re.IGNORECASE)
_DIRECTIVE: Final = re.compile(r"\s*#\s*[A-Za-z]")
_ESCAPES: Final = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}
_ESCAPED: Final = re.compile(r'""|\\(.)', re.DOTALL)
_CLOSES: Final = {"(": ")", "[": "]", "{": "}"}
_CURLY_QUOTES: Final = "\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb"
_MAX_INTEGER_DIGITS: Final = 15  # longer ones become floating point, as everywhere in the dialect


class Token(NamedTuple):
    kind: Kind
    text: str  # as written; for a text, what it says; for a block, its lines
    at: At
    value: int | float | None = None
    spaced: bool = False  # white space stands before it
    upper: str = ""  # a word in capitals, as keywords are compared; empty for all else


def tokens(source: str, flow: str, *, first: At | None = None) -> list[Token]:
    """All tokens of *source*, ended by one of kind ``end``. *first* is where the source begins in its file.

    Raises:
        DialectError: a character, a text, a number, a block or a bracket that can't be.
    """
    return list(_Lexer(source, flow, first or At(1, 1)).run())


class _Lexer:
    def __init__(self, source: str, flow: str, first: At) -> None:
        self._lines = re.split(r"\r\n|\n|\r", source)
        self._flow = flow
        self._first = first
        self._open: list[Token] = []

    def run(self) -> Iterator[Token]:
        row = 0
        while row < len(self._lines):
            text = self._lines[row]
            at = self._at(row, 0)
            block = None if self._open else _BLOCK.match(text)
            if block:
                yield from self._line(text, row)
                row, token = self._block(row, re.sub(r"\s+", " ", block[1]).upper())
                yield token
                yield Token("newline", "\n", self._at(row - 1, len(self._lines[row - 1])))
                continue
            if not self._open and _DIRECTIVE.match(text):
                row += 1  # "#workflow": every HEAR is kept anyway
                continue
            body = list(self._line(text, row))
            continued = bool(body) and body[-1].kind == "word" and body[-1].text == "_"
            yield from body[:-1] if continued else body
            if not continued and not self._open:
                yield Token("newline", "\n", At(at.line, at.column + len(text)))
            row += 1
        if self._open:
            bracket = self._open[-1]
            raise self._error(
                "unclosed_bracket",
                f"o '{bracket.text}' aberto aqui não foi fechado.",
                f"Acrescente '{_CLOSES[bracket.text]}' no fim da expressão.",
                bracket.at,
            )
        yield Token("end", "", self._at(len(self._lines) - 1, len(self._lines[-1])))

    def _at(self, row: int, index: int) -> At:
        shift = self._first.column if row == 0 else 1
        return At(self._first.line + row, index + shift)

    def _line(self, text: str, row: int) -> Iterator[Token]:
        index, spaced = 0, False
        while index < len(text):
            found = _TOKEN.match(text, index)
            at = self._at(row, index)
            if not found:
                raise self._stray(text[index], at)
            index = found.end()
            kind, written = found.lastgroup, found.group()
            if kind == "comment":
                return
            if kind == "space":
                spaced = True
                continue
            token = self._token(str(kind), written, at, spaced)
            spaced = False
            if token.kind == "number" and index < len(text) and (text[index].isalnum() or text[index] == "_"):
                raise self._error(
                    "bad_number",
                    f"'{written}{text[index]}' não é um número nem um nome.",
                    "Um nome começa por letra; separe o número com um espaço ou um operador.",
                    at,
                )
            self._brackets(token)
            yield token

    def _token(self, kind: str, written: str, at: At, spaced: bool) -> Token:
        if kind == "text":
            said = _ESCAPED.sub(lambda m: '"' if m[0] == '""' else _ESCAPES.get(m[1], m[0]), written[1:-1])
            return Token("text", said, at, spaced=spaced)
        if kind == "number":
            return Token("number", written, at, self._number(written, at), spaced)
        if kind == "word":
            return Token("word", written, at, None, spaced, written.upper())
        return Token("op", written, at, None, spaced)

    def _number(self, written: str, at: At) -> int | float:
        if written.isdigit() and len(written) <= _MAX_INTEGER_DIGITS:
            return int(written)
        value = float(written)
        if value == float("inf"):
            raise self._error("bad_number", "este número é grande demais.", "Use um número menor.", at)
        return value

    def _brackets(self, token: Token) -> None:
        if token.kind != "op":
            return
        if token.text in _CLOSES:
            self._open.append(token)
        elif token.text in _CLOSES.values():
            if not self._open:
                raise self._error(
                    "unopened_bracket", f"este '{token.text}' fecha o que não foi aberto.", "Apague-o.", token.at
                )
            opened = self._open.pop()
            if _CLOSES[opened.text] != token.text:
                raise self._error(
                    "unclosed_bracket",
                    f"'{token.text}' não fecha o '{opened.text}' da linha {opened.at.line}, coluna {opened.at.column}.",
                    f"Feche-o antes com '{_CLOSES[opened.text]}'.",
                    token.at,
                )

    def _block(self, row: int, kind: str) -> tuple[int, Token]:
        """The raw lines after *row* up to ``END kind``; the row after it, and the token."""
        words = r"\s+".join(["END", *kind.split()])
        end = re.compile(rf"\s*{words}\s*('.*)?$", re.IGNORECASE)
        for last in range(row + 1, len(self._lines)):
            if end.match(self._lines[last]):
                text = "\n".join(self._lines[row + 1 : last])
                return last + 1, Token("block", text, self._at(row + 1, 0))
        raise self._error(
            "unclosed_block",
            f"falta END {kind} para este BEGIN {kind}.",
            f"Escreva END {kind} sozinho numa linha depois do texto.",
            self._at(row, 0),
        )

    def _stray(self, character: str, at: At) -> DialectError:
        if character == '"':
            return self._error(
                "unclosed_text",
                "este texto não foi fechado.",
                'Acrescente " no fim do texto, na mesma linha. Para uma barra antes das aspas, escreva \\\\.',
                at,
            )
        if character in _CURLY_QUOTES:
            return self._error("curly_quotes", "estas aspas são tipográficas.", 'Use aspas retas: "', at)
        hint = {"|": "Use OR.", "!": "Use NOT, ou <> para diferente.", "$": "Use ${nome} só dentro de BEGIN TALK."}
        shown = character if character.isprintable() else f"U+{ord(character):04X}"
        return self._error(
            "stray_character", f"o caractere '{shown}' não tem sentido aqui.", hint.get(character, "Apague-o."), at
        )

    def _error(self, code: str, what: str, fix: str, at: At) -> DialectError:
        return DialectError(code, what, fix, flow=self._flow, line=at.line, column=at.column)
