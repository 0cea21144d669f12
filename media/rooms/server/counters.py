"""Counters of one rooms process: every drop and refusal has a name here."""

from __future__ import annotations

from collections import Counter


class Counters(Counter[str]):
    """Name to count. Names are constants in the code, so the set is bounded whatever the network sends."""
