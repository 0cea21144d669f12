"""The demonstration is the first end-to-end test: a SIP caller, the bot, an attendant in Chromium, the ticket."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path

from control.demo.attendant import find_browser
from tests.product import KEPT


async def test_attendance_demo_holds_every_step(tmp_path: Path) -> None:
    """S5, S13, S23, S25, S70: steps 1 to 6 of the main road, by the command that users run."""
    find_browser()
    state = tmp_path / "state"
    if KEPT.is_dir():
        shutil.copytree(KEPT, state / "prompts")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "control", "demo", "--json", "--keep", str(state),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, told = await asyncio.wait_for(process.communicate(), 360)
    timeline = told.decode()
    assert process.returncode == 0, timeline
    shutil.copytree(state / "prompts", KEPT, dirs_exist_ok=True)
    result = json.loads(output)
    assert result["answered_s"] < 1.0, timeline
    assert result["queued_s"] <= result["accepted_s"], timeline
    assert result["caller_heard_attendant"] is True
    assert result["attendant_heard_caller"] is True
    assert any("atendente" in text.lower() for text in result["recognised"])
    assert result["transcript_lines"] >= 3
    assert result["recording"]["channels"] == 2
    assert result["recording"]["both_channels_non_silent"] is True
    assert "#TIC-001" in result["ticket"]
    assert result["conversation_state"] == "resolved"
