"""The SIP process: ``python -m sip.process --settings FILE``.

FILE is JSON: ``{"sip": <SipSettings>, "link": "unix:///...", "link_token": "...", "state_dir": "..."}``. Prints
``{"ready": true, "sip": "sip:IP:PORT"}`` on stdout once calls can be taken, logs JSON lines to stderr, and stops within
5 s of SIGTERM or of the end of stdin. While control is away it keeps its calls and refuses new ones.

Where the platform has no pjsua2 wheel, everything but SIP runs: the ready line then carries ``reason`` instead.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

from media.process import Lifetime, read_settings, serve_process

NO_WHEEL = "pjsua2 has no wheel for this platform (it exists for Linux on x86-64 and CPython up to 3.12)"


async def _serve(settings: dict[str, Any], lifetime: Lifetime) -> None:
    if importlib.util.find_spec("pjsua2") is None:
        lifetime.ready(sip="", reason=NO_WHEEL)
        await lifetime.until_stopped()
        return
    from .host import serve

    await serve(settings, lifetime)


def main(argv: list[str] | None = None) -> int:
    return serve_process("sip", read_settings(argv), _serve)


if __name__ == "__main__":
    sys.exit(main())
