"""A process for the supervisor's tests: serves by counting its starts in a file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from media.process import Lifetime, read_settings, serve_process


async def serve(settings: dict[str, Any], lifetime: Lifetime) -> None:
    starts = Path(settings["starts"])
    starts.write_text(starts.read_text() + "+" if starts.exists() else "+")
    if settings.get("broken"):
        raise RuntimeError("cannot serve")
    lifetime.ready(name="child", starts=len(starts.read_text()))
    await lifetime.until_stopped()
    await asyncio.sleep(0)
    Path(settings["starts"] + ".stopped").touch()


if __name__ == "__main__":
    raise SystemExit(serve_process("child", read_settings(None), serve))
