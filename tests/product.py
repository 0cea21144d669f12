"""The whole product, started for a test, a benchmark or a screenshot: its own state directory, free ports, loopback."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.speech import SpeechClient
from config.load import parse
from control.blueprint import Blueprint
from control.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Product:
    """A product that is up."""

    supervisor: Supervisor
    url: str
    sip: str
    email: str
    password: str
    state_dir: Path

    def pid(self, name: str) -> int:
        """The process id of the process *name* (control, rooms, speech, sip, media-0)."""
        for child in self.supervisor.children:
            if child.name == name and child.process is not None:
                return child.process.pid
        raise LookupError(name)


async def speech_ready(product: Product, *, timeout_s: float = 120.0) -> None:
    """Wait until both models work and every fixed sentence is rendered."""
    plan = product.supervisor.blueprint
    async with SpeechClient(plan.speech_url, plan.speech["api_key"]) as speech:
        await speech.wait_ready(timeout_s, rendered=True)


KEPT = Path(__file__).resolve().parents[1] / ".attendance" / "test-prompts"
FREE_PORTS = """
media: {rooms: {port: 0, udp_port: 0}}
sip: {port: 0}
agents: {speech: {port: 0}}
control: {http: {port: 0}}
"""


@contextlib.asynccontextmanager
async def running(overrides: Mapping[str, Any] | None = None) -> AsyncIterator[Product]:
    """Start it with free ports; *overrides* are settings by dotted name (``sip.workers_max``)."""
    import yaml

    tree = yaml.safe_load(FREE_PORTS)
    for name, value in (overrides or {}).items():
        *sections, last = name.split(".")
        node = tree
        for section in sections:
            node = node.setdefault(section, {})
        node[last] = value
    settings = parse(yaml.safe_dump(tree), "test settings")
    with tempfile.TemporaryDirectory(prefix="attendance-", ignore_cleanup_errors=True) as folder:
        state_dir = Path(folder)
        state_dir.chmod(0o755)
        # Rendering the fixed sentences takes a minute of processor time: what one product spoke, the next one has.
        if KEPT.is_dir():
            shutil.copytree(KEPT, state_dir / "prompts", dirs_exist_ok=True)
        async with Supervisor(Blueprint.draw(settings, state_dir)) as supervisor:
            control, sip = supervisor.about("control"), supervisor.about("sip")
            first = control.get("first_user") or {}
            yield Product(
                supervisor, control.get("url", ""), sip.get("sip", ""), first.get("email", ""),
                first.get("password", ""), state_dir,
            )  # fmt: skip
            shutil.copytree(state_dir / "prompts", KEPT, dirs_exist_ok=True)
