"""The SIP process: ``python -m sip.process --settings FILE``.

FILE is JSON: ``{"sip": <SipSettings>, "link": "unix:///...", "link_token": "...", "state_dir": "..."}``. Prints
``{"ready": true, "sip": "sip:IP:PORT"}`` on stdout once calls can be taken, logs JSON lines to stderr, and stops within
5 s of SIGTERM or of the end of stdin. While control is away it keeps its calls and refuses new ones.
"""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    import argparse
    import asyncio
    import json
    from pathlib import Path

    from .host import run

    parser = argparse.ArgumentParser(prog="python -m sip.process", description="Attendance's SIP gateway")
    parser.add_argument("--settings", required=True, help="path of the JSON settings file")
    path = parser.parse_args(argv).settings
    return asyncio.run(run(json.loads(Path(path).read_text(encoding="utf-8"))))


if __name__ == "__main__":
    sys.exit(main())
