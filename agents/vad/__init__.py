"""Is somebody speaking? ``gate`` answers for two microseconds a frame, ``model`` for a hundred a window, well.

    frame -> LightGate (closed: nothing more happens) -> VadModel on 32 ms windows -> agents.turns

Importing this loads neither.
"""

from __future__ import annotations

from .gate import LightGate
from .model import WINDOW_S, SharedVad, VadPool, VadStream

__all__ = ["WINDOW_S", "LightGate", "SharedVad", "VadPool", "VadStream"]
