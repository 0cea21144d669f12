"""The supervisor with real child processes: ready lines, restart after a kill, an orderly end, secrets kept private."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from pathlib import Path

import psutil
import pytest

from config.load import parse
from control.blueprint import Blueprint, ProcessSpec
from control.secrets import keep_secret
from control.supervisor import Child, StartFailed, Supervisor

FREE = """
media: {rooms: {port: 0, udp_port: 0}}
sip: {port: 0}
agents: {speech: {port: 0}}
control: {http: {port: 0}}
"""


class OneChild(Blueprint):
    """A product of one process."""

    def processes(self) -> list[ProcessSpec]:
        return [ProcessSpec("child", "rooms", 0, "tests.fakes.child", {"starts": str(self.state_dir / "starts")})]


def draw(state_dir: Path) -> Blueprint:
    blueprint = OneChild.draw(parse(FREE), state_dir)
    blueprint.database_url = "postgresql://unused"
    return blueprint


async def test_a_killed_process_is_back_within_two_seconds_and_told_the_same(tmp_path: Path) -> None:
    async with Supervisor(draw(tmp_path)) as product:
        child = product.children[0]
        assert child.about == {"ready": True, "name": "child", "starts": 1}
        assert child.process is not None
        os.kill(child.process.pid, signal.SIGKILL)
        async with asyncio.timeout(10):  # the bound for a slow machine; the figure is the benchmark's
            while child.about["starts"] != 2:
                await asyncio.sleep(0.01)
        assert child.restarts == 1


async def test_leaving_stops_the_process_orderly(tmp_path: Path) -> None:
    async with Supervisor(draw(tmp_path)) as product:
        assert product.children[0].process is not None
        pid = product.children[0].process.pid
    assert (tmp_path / "starts.stopped").exists()
    assert not psutil.pid_exists(pid)


async def test_a_process_that_cannot_start_is_told_with_its_log(tmp_path: Path) -> None:
    settings = {"starts": str(tmp_path / "starts"), "broken": True}
    child = Child("child", "tests.fakes.child", settings, tmp_path / "run", tmp_path / "logs")
    with pytest.raises(StartFailed, match=r"child\.log"):
        await child.start()
    assert "cannot serve" in child.log_path.read_text()


async def test_a_process_ends_when_its_parent_is_gone(tmp_path: Path) -> None:
    settings = {"starts": str(tmp_path / "starts")}
    child = Child("child", "tests.fakes.child", settings, tmp_path / "run", tmp_path / "logs")
    await child.start()
    assert child.process is not None
    assert child.process.stdin is not None
    child.process.stdin.close()
    async with asyncio.timeout(10):
        assert await child.ended() == 0
    await child.stop()


def test_settings_and_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    first = keep_secret(tmp_path / "secrets" / "link")
    assert keep_secret(tmp_path / "secrets" / "link") == first
    assert stat.S_IMODE((tmp_path / "secrets" / "link").stat().st_mode) == 0o600


def test_no_process_is_given_what_it_does_not_need(tmp_path: Path) -> None:
    blueprint = Blueprint.draw(parse(FREE), tmp_path)
    blueprint.database_url = "postgresql://user:database-secret@host/db"
    told = {spec.name: str(spec.settings) for spec in blueprint.processes()}
    assert "database-secret" in told["control"]
    for name in ("rooms", "speech", "media-0", "sip"):
        assert "database-secret" not in told[name]
    assert str(blueprint.rooms["api_secret"]) not in told["sip"]
