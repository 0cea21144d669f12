"""Writes ``example.yaml`` from the sections: every setting with its default and the comment beside its field.

    python -m config.example > config/example.yaml

A test holds the file to what this prints, so the example can't fall behind the code.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import SecretStr

from .load import Settings
from .section import Section

FILE = Path(__file__).with_name("example.yaml")
_FIELD = re.compile(r"^    (\w+): ")
_COMMENT = re.compile(r"  # (.+)$")

HEAD = """\
# Every setting with its default. Copy what you want to change into config.yaml in the state directory, or give the
# file by --config or ATTENDANCE_CONFIG. Any setting can also come from the environment:
# ATTENDANCE__MEDIA__ROOMS__PORT=7880. Written by `python -m config.example`; don't edit it by hand.
"""


def render() -> str:
    return HEAD + "".join(f"{line}\n" for line in _section(Settings, 0))


def _section(section: type[Section], depth: int) -> Iterator[str]:
    indent = "  " * depth
    comments = _comments(section)
    for name, info in section.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            if depth == 0:
                yield ""
            about = " ".join((inner.__doc__ or "").split()) if "__doc__" in vars(inner) else ""
            if about and not about.startswith("One subsystem"):
                yield f"{indent}# {about}"
            yield f"{indent}{name}:"
            yield from _section(inner, depth + 1)
            continue
        value = info.get_default(call_default_factory=True)
        shown = value.get_secret_value() if isinstance(value, SecretStr) else value
        shown = list(shown) if isinstance(shown, tuple) else shown
        text = yaml.safe_dump(shown, default_flow_style=True, allow_unicode=True, width=10_000).removesuffix("\n...\n")
        comment = comments.get(name, "")
        yield f"{indent}{name}: {text.strip()}" + (f"  # {comment}" if comment else "")


def _comments(section: type[Section]) -> dict[str, str]:
    """The comment beside each field, or at the end of a field written over several lines."""
    found: dict[str, str] = {}
    current = ""
    for line in inspect.getsource(section).splitlines():
        field = _FIELD.match(line)
        current = field.group(1) if field else current
        comment = _COMMENT.search(line)
        if comment and current in section.model_fields:
            found[current] = comment.group(1)
    return found


if __name__ == "__main__":
    sys.stdout.write(render())
