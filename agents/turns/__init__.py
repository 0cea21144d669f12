"""Turn taking: small strategies without I/O, and the machine that puts them together.

starts     when speech starts
ends       how long a silence ends a turn, by what was understood so far
barge_in   when speech cuts off a prompt, and when it was a false alarm
machine    TurnMachine: window by window, what to do now
"""

from __future__ import annotations

from .barge_in import BargeIn
from .ends import TurnEnd
from .machine import Action, Commit, Interim, Resumed, Speculate, Started, TurnMachine
from .starts import SpeechStart

__all__ = [
    "Action",
    "BargeIn",
    "Commit",
    "Interim",
    "Resumed",
    "SpeechStart",
    "Speculate",
    "Started",
    "TurnEnd",
    "TurnMachine",
]
