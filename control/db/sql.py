"""Named SQL in ``.sql`` files: one file a domain, each statement under ``-- name: what_it_does``.

Parameters are written ``:name`` and become ``$1…`` once, when the file is loaded; a value never becomes text of a
statement. ``::type`` casts, quoted strings and comments are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

_NAME = re.compile(r"^--\s*name:\s*(\w+)\s*$", re.MULTILINE)
# Strings, quoted identifiers, comments and casts are matched first so that the parameter branch never sees inside them.
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|::|(?<![:\w]):([a-z_][a-z0-9_]*)")


@dataclass(frozen=True, slots=True)
class Query:
    """One statement as PostgreSQL takes it, and the order in which its named parameters are passed."""

    name: str
    text: str
    parameters: tuple[str, ...]

    def arguments(self, values: dict[str, object]) -> list[object]:
        """*values* in order.

        Raises:
            TypeError: one is missing or has no place; a typing mistake never reaches the database.
        """
        if values.keys() != set(self.parameters):
            missing, extra = set(self.parameters) - values.keys(), values.keys() - set(self.parameters)
            raise TypeError(f"{self.name}: missing {sorted(missing)}, unknown {sorted(extra)}")
        return [values[name] for name in self.parameters]


class Queries:
    """The statements of one file as attributes: ``sql.queue_items``."""

    def __init__(self, queries: dict[str, Query], source: str) -> None:
        self._queries = queries
        self._source = source

    def __getattr__(self, name: str) -> Query:
        try:
            return self._queries[name]
        except KeyError:
            raise AttributeError(f"{self._source} has no statement {name!r}") from None

    def __iter__(self) -> Iterator[Query]:
        return iter(self._queries.values())


def load_sql(package: str, file: str = "queries.sql") -> Queries:
    """Read *file* that stands beside the modules of *package* (``load_sql(__package__)``)."""
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    return parse_sql(text, f"{package}/{file}")


def parse_sql(text: str, source: str) -> Queries:
    pieces = _NAME.split(text)
    queries: dict[str, Query] = {}
    for name, body in zip(pieces[1::2], pieces[2::2], strict=True):
        if name in queries:
            raise ValueError(f"{source}: two statements are called {name}")
        queries[name] = query(name, body.strip().rstrip(";"))
    return Queries(queries, source)


def query(name: str, text: str) -> Query:
    """Build one statement from *text* with ``:name`` parameters."""
    parameters: list[str] = []

    def place(match: re.Match[str]) -> str:
        parameter = match.group(1)
        if parameter is None:
            return match.group(0)
        if parameter not in parameters:
            parameters.append(parameter)
        return f"${parameters.index(parameter) + 1}"

    return Query(name, _TOKEN.sub(place, text), tuple(parameters))
