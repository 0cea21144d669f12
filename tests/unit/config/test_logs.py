"""Log lines: a fixed name and fields, personal data redacted by one rule."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from config.logs import LogSettings, setup_logging


@pytest.fixture(autouse=True)
def _root_logger_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(settings: LogSettings) -> tuple[io.StringIO, logging.Logger]:
    stream = io.StringIO()
    setup_logging("control", settings, stream)
    return stream, logging.getLogger("tests.logs")


def test_a_line_is_json_with_its_fields_and_without_personal_data() -> None:
    stream, log = lines(LogSettings())
    log.info("call_answered", extra={"call_id": "c1", "ring_s": 1.5, "pii.caller": "+5511988887777"})
    line = json.loads(stream.getvalue())
    assert line["message"] == "call_answered"
    assert (line["call_id"], line["ring_s"], line["process"]) == ("c1", 1.5, "control")
    assert line["pii.caller"] == "[redacted]"
    assert "+5511988887777" not in stream.getvalue()


def test_personal_data_is_written_where_it_was_asked_for() -> None:
    stream, log = lines(LogSettings(personal_data=True))
    log.info("caller_said", extra={"pii.text": "olá"})
    assert json.loads(stream.getvalue())["pii.text"] == "olá"


def test_a_traceback_stays_on_one_line_and_levels_are_kept() -> None:
    stream, log = lines(LogSettings(level="warning"))
    log.info("unheard")
    try:
        raise ValueError("broken")
    except ValueError:
        log.exception("work_failed")
    (only,) = stream.getvalue().splitlines()
    assert "ValueError: broken" in json.loads(only)["traceback"]
