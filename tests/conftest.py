"""Fixtures every test may use, one file a concern in ``tests/plugins``."""

from __future__ import annotations

import importlib.util

# A plugin that is not there yet must not hide the tests of those that are.
pytest_plugins = [
    f"tests.plugins.{name}"
    for name in ("virtual_time", "leaks", "postgres")
    if importlib.util.find_spec(f"tests.plugins.{name}")
]
