"""Which processes make up the product and what each is told: settings and secrets turned into one list.

Ports left at 0 are chosen here and secrets left empty are made here, once, so that every process and every restart of
it sees the same addresses. What a process does not need it is not given: the SIP gateway knows no database password.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from config.agents import AgentsSettings
from config.control import ControlSettings
from config.logs import LogSettings
from config.media import MediaSettings
from config.section import Secret, Section
from config.sip import SipSettings
from control.secrets import free_port, keep_secret


class Settings(Protocol):
    """What ``config.load`` gives: the sections of the whole product."""

    @property
    def media(self) -> MediaSettings: ...
    @property
    def sip(self) -> SipSettings: ...
    @property
    def agents(self) -> AgentsSettings: ...
    @property
    def control(self) -> ControlSettings: ...
    @property
    def logs(self) -> LogSettings: ...


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process: ``part`` is the word after ``attendance serve``, ``stage`` its place in the order of starting."""

    name: str
    part: str
    stage: int
    module: str
    settings: dict[str, Any]


@dataclass(slots=True)
class Blueprint:
    """The product on this machine. ``database_url`` may be filled in once an embedded server runs."""

    settings: Settings
    state_dir: Path
    database_url: str = ""
    database_port: int = 0
    rooms: dict[str, Any] = field(default_factory=dict)
    speech: dict[str, Any] = field(default_factory=dict)
    link: str = ""
    link_token: str = ""
    http_port: int = 0
    sip_port: int = 0

    @classmethod
    def draw(cls, settings: Settings, state_dir: Path) -> Blueprint:
        control, rooms, speech = settings.control, settings.media.rooms, settings.agents.speech
        secrets = state_dir / "secrets"
        plan = cls(settings, state_dir)
        plan.database_url = control.database.url.reveal()
        plan.database_port = control.database.port
        plan.link = control.link or f"unix://{plan.run_dir}/control.sock"
        plan.link_token = control.link_token.reveal() or keep_secret(secrets / "link")
        plan.http_port = control.http.port or free_port(control.http.bind_ip)
        plan.sip_port = settings.sip.port or free_port(settings.sip.bind_ip, socket.SOCK_DGRAM)

        plan.rooms = reveal(rooms)
        if not rooms.url:
            plan.rooms["api_key"] = rooms.api_key or "attendance"
            plan.rooms["api_secret"] = rooms.api_secret.reveal() or keep_secret(secrets / "rooms")
            plan.rooms["port"] = rooms.port or free_port(rooms.bind_ip)
            plan.rooms["udp_port"] = rooms.udp_port or free_port(rooms.bind_ip, socket.SOCK_DGRAM)

        plan.speech = reveal(speech)
        if not speech.url:
            plan.speech["api_key"] = speech.api_key.reveal() or keep_secret(secrets / "speech")
            plan.speech["port"] = speech.port or free_port(speech.bind_ip)
        return plan

    @property
    def run_dir(self) -> Path:
        return self.state_dir / "run"

    @property
    def log_dir(self) -> Path:
        return self.state_dir / "logs"

    @property
    def emergency_wav(self) -> Path:
        """The sentence that control has rendered for callers whose media process is gone."""
        return self.state_dir / "emergency" / f"{self.settings.agents.speech.language}-moment.wav"

    @property
    def rooms_url(self) -> str:
        return str(self.rooms["url"] or f"ws://{self.rooms['bind_ip']}:{self.rooms['port']}")

    @property
    def speech_url(self) -> str:
        return str(self.speech["url"] or f"http://{self.speech['bind_ip']}:{self.speech['port']}")

    def processes(self) -> list[ProcessSpec]:
        """Every process in the order of starting. Reads ``database_url``, so ask after the database runs."""
        settings = self.settings
        logs = {"logs": reveal(settings.logs)}
        common = {"state_dir": str(self.state_dir), **logs}
        link = {"link": self.link, "link_token": self.link_token}
        specs = []
        if not settings.media.rooms.url:
            specs.append(ProcessSpec("rooms", "rooms", 0, "media.rooms.server.process", {**self.rooms, **logs}))
        if not settings.agents.speech.url:
            specs.append(ProcessSpec("speech", "speech", 0, "agents.speech.process", {**self.speech, **common}))
        outside = {
            "rooms": {**self.rooms, "url": self.rooms_url},
            "speech": {**self.speech, "url": self.speech_url},
        }
        control = reveal(settings.control)
        control["http"]["port"] = self.http_port
        control["database"]["url"] = self.database_url
        specs.append(
            ProcessSpec(
                "control", "control", 1, "control.app",
                {"control": control, "dialect": reveal(settings.agents.dialect), 
                 "recording": reveal(settings.media.recording), **outside, **link, **common},
            )
        )  # fmt: skip
        for number in range(settings.media.processes):
            about = {"media": reveal(settings.media), "voice": reveal(settings.agents.voice), "name": f"media-{number}"}
            told = {**about, "speech": outside["speech"], **link, **common}
            specs.append(ProcessSpec(f"media-{number}", "calls", 2, "control.telephony.media_process", told))
        if settings.sip.enabled:
            sip = {**reveal(settings.sip), "port": self.sip_port}
            sip["media_lost_wav"] = sip["media_lost_wav"] or str(self.emergency_wav)
            specs.append(ProcessSpec("sip", "calls", 3, "sip.process", {"sip": sip, **link, **common}))
        return specs


def reveal(section: Section) -> dict[str, Any]:
    """*section* as plain JSON values, secrets in clear: only for a file that its owner alone can read."""

    def plain(value: Any) -> Any:
        if isinstance(value, Secret):
            return value.reveal()
        if isinstance(value, Section):
            return {name: plain(getattr(value, name)) for name in type(value).model_fields}
        if isinstance(value, (tuple, list)):
            return [plain(item) for item in value]
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return value

    result = plain(section)
    assert isinstance(result, dict)
    return result
