"""Logs of every process: one JSON object a line on standard error, a fixed message name, values as fields.

A field whose name starts with ``pii.`` holds personal data (a name, a number, what somebody said). It is written as
``[redacted]`` unless ``logs.personal_data`` is on. There is one rule and one place for it: here.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from .section import Section

PERSONAL = "pii."
REDACTED = "[redacted]"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    personal_data: bool = False  # write pii.* fields in clear; for a test system only


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time (UTC), level, process, logger, message, then the extra fields."""

    def __init__(self, process: str, *, personal_data: bool = False) -> None:
        super().__init__()
        self._process = process
        self._personal_data = personal_data

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for key, value in vars(record).items():
            if key in _STANDARD:
                continue
            line[key] = REDACTED if key.startswith(PERSONAL) and not self._personal_data else value
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def setup_logging(process: str, settings: LogSettings | None = None, stream: TextIO | None = None) -> None:
    """Send the root logger of this process, named *process*, to *stream* (standard error). Replaces what was set."""
    settings = settings or LogSettings()
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(process, personal_data=settings.personal_data))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    # Libraries that narrate every request or frame are heard from warnings on.
    for chatty in ("asyncio", "aiohttp.access", "aioice", "aiortc", "livekit", "numba", "faster_whisper", "urllib3"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
