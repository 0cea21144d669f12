"""``./dev shots``: the screenshots that the README shows, taken from a real call (the demonstration's)."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from control.demo import main as demo

DOCS = Path(__file__).resolve().parents[1] / "docs"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        code = demo(shots=Path(folder))
        taken = Path(folder) / "talking.png"
        if code or not taken.exists():
            print("the demonstration did not hold; no screenshot was taken", file=sys.stderr)
            return 1
        shutil.copyfile(taken, DOCS / "console.png")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
