"""``attendance demo``: a whole call with a real SIP phone and a real browser, and nobody there.

play.py       the steps, the product they run against, the verdict
attendant.py  the browser
timeline.py   what is printed
"""

from __future__ import annotations

import asyncio
from pathlib import Path


def main(*, as_json: bool = False, keep: Path | None = None, shots: Path | None = None) -> int:
    """Run the demonstration; 0 only if every step held."""
    try:
        from .play import play
    except ModuleNotFoundError as error:
        raise SystemExit(
            f"attendance demo needs {error.name}; install it with: pip install 'attendance[demo]'"
        ) from error
    return asyncio.run(play(as_json=as_json, keep=keep, shots=shots))
