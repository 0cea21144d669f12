"""The console's own checks: its types, and its unit tests (replay, ring, lists, texts) under vitest."""

from __future__ import annotations

from hatch_build import check_console

from .desk import ROOT


def test_types_and_unit_tests_of_the_console() -> None:
    assert "failed" not in check_console(ROOT)
