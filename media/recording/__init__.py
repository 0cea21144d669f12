"""Recordings of calls: stereo 16 kHz WAV, the caller left, everybody else right (S9).

recorder.py   ``DualRecorder`` writes one, safe against being killed
wav.py        the file's layout; ``inspect`` and ``repair`` what a dead process left
"""

from __future__ import annotations

from .recorder import DualRecorder, RecorderStats
from .wav import ChannelLevel, RecordingInfo, inspect, repair, write_wav

__all__ = ["ChannelLevel", "DualRecorder", "RecorderStats", "RecordingInfo", "inspect", "repair", "write_wav"]
