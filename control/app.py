"""The control process: everything of the control plane put together, and nothing decided.

    Database ─► Bus ─► domains ─┬─► Dispatcher (offers)
                                ├─► Hub, HTTP ◄── CallDesk ── telephony ◄══ link ══ sip, media
                                └─► CallCentre (live calls, flows) ─► speech, rooms

Started by the supervisor (``python -m control.app --settings FILE``). What is opened here is closed in reverse order.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from agents.speech import SpeechClient
from config.agents import DialectSettings, SpeechSettings
from config.control import ControlSettings
from config.media import RecordingSettings, RoomsSettings
from media.link import listen
from media.process import Lifetime, read_settings, serve_process
from media.rooms import RoomApi

from .auth.limiter import SignInLimiter
from .auth.passwords import Passwords
from .auth.sessions import Sessions
from .auth.users import FirstUser, ensure_first_user
from .bus import Bus
from .conversations import Conversations
from .crm import Contacts, Records
from .db import Database, migrate
from .http import build_app, listening
from .hub import Hub
from .hub.presence import Attendance
from .metrics import Metrics
from .queues import Dispatcher, Queues, ensure_organisation
from .telephony import CallCentre, CentreSettings, FlowBook, Ledger, TelephonyDesk, prepare_prompts

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """What the supervisor told this process."""

    control: ControlSettings
    dialect: DialectSettings
    rooms: RoomsSettings
    speech: SpeechSettings
    recording: RecordingSettings
    link: str
    link_token: str
    state_dir: Path

    @classmethod
    def read(cls, settings: dict[str, Any]) -> Told:
        return cls(
            ControlSettings.model_validate(settings["control"]),
            DialectSettings.model_validate(settings["dialect"]),
            RoomsSettings.model_validate(settings["rooms"]),
            SpeechSettings.model_validate(settings["speech"]),
            RecordingSettings.model_validate(settings["recording"]),
            str(settings["link"]),
            str(settings["link_token"]),
            Path(settings["state_dir"]),
        )


async def serve(settings: dict[str, Any], lifetime: Lifetime) -> None:
    """Open everything in order, say where we serve, and wait for the end."""
    told = Told.read(settings)
    async with AsyncExitStack() as owned:
        db, bus, organisation, first = await open_ground(told, owned)
        queues = Queues(db, told.control.queues)
        dispatching = asyncio.create_task(Dispatcher(db, bus, told.control.queues).run(), name="dispatcher")
        owned.callback(dispatching.cancel)
        centre, desk = await open_telephony(told, db, bus, queues, organisation, owned)
        url = await open_doors(told, db, bus, queues, desk, owned)
        server = await listen(told.link, token=told.link_token, on_link=centre.hosts.serve)
        owned.callback(server.close)
        owned.push_async_callback(centre.close)
        reaping = asyncio.create_task(centre.reap(), name="reap lost calls")
        owned.callback(reaping.cancel)
        log.info("control_ready", extra={"url": url})
        lifetime.ready(
            url=url, first_user=None if first is None else {"email": first.email, "password": first.password}
        )
        await lifetime.until_stopped(dispatching)


async def open_ground(told: Told, owned: AsyncExitStack) -> tuple[Database, Bus, UUID, FirstUser | None]:
    """Database, migrations, bus, the organisation and its first user."""
    db = await Database.open(told.control.database.url.reveal(), told.control.database.pool_size)
    owned.push_async_callback(db.close)
    await migrate(db)
    bus = Bus(db)
    await bus.start()
    owned.push_async_callback(bus.close)
    organisation = await ensure_organisation(db, told.control.organisation, told.control.queues)
    passwords = Passwords()
    first = await ensure_first_user(db, passwords, organisation)
    passwords.close()
    return db, bus, organisation, first


async def open_telephony(
    told: Told, db: Database, bus: Bus, queues: Queues, organisation: UUID, owned: AsyncExitStack
) -> tuple[CallCentre, TelephonyDesk]:
    """The live calls: flows, ledger, rooms, speech for what is rendered ahead."""
    recordings_dir = told.state_dir / "recordings"
    recordings_dir.mkdir(parents=True, exist_ok=True)
    speech = await owned.enter_async_context(SpeechClient(told.speech.url, told.speech.api_key.reveal()))
    rooms_url = told.rooms.url
    rooms = await owned.enter_async_context(RoomApi(rooms_url, told.rooms.api_key, told.rooms.api_secret.reveal()))
    flows = FlowBook(told.dialect)
    flows.program("start")  # a broken default flow is told now, not to the first caller
    ledger = Ledger(
        organisation, Conversations(db), Contacts(db), Records(db), queues, bus, recordings_dir,
    )  # fmt: skip
    prompts_dir = told.state_dir / "emergency"
    centre = CallCentre(
        CentreSettings(
            language=told.speech.language, voice=told.speech.tts_voice, announce_s=told.control.queues.announce_s,
            recordings_dir=recordings_dir if told.recording.enabled else None,
            prompts_dir=prompts_dir, rooms_url=rooms_url,
            rooms_public_url=told.rooms.public_url or rooms_url, room_prefix=told.rooms.room_prefix,
            api_key=told.rooms.api_key, api_secret=told.rooms.api_secret.reveal(),
        ),
        ledger, flows, rooms,
    )  # fmt: skip
    rendering = asyncio.create_task(
        prepare_prompts(
            speech, flows.prompts(), language=told.speech.language, voice=told.speech.tts_voice, prompts_dir=prompts_dir
        ),
        name="prompts",
    )
    owned.callback(rendering.cancel)
    return centre, TelephonyDesk(centre, ledger)


async def open_doors(
    told: Told, db: Database, bus: Bus, queues: Queues, desk: TelephonyDesk, owned: AsyncExitStack
) -> str:
    """Hub and HTTP; the console's address."""
    http = told.control.http
    passwords = Passwords()
    owned.callback(passwords.close)
    limiter = SignInLimiter(http.sign_in_attempts, http.sign_in_wait_s)
    sessions = Sessions(db, passwords, limiter, hours=http.session_hours)
    hub = Hub(db, bus, sessions, set_status=queues.set_presence, attendance=Attendance(db, queues.set_presence))
    await hub.start()
    owned.push_async_callback(hub.close)
    app = build_app(
        db=db, bus=bus, hub=hub, desk=desk, queues=queues, settings=http, sessions=sessions, metrics=Metrics(),
        recordings_dir=told.state_dir / "recordings", rooms_url=told.rooms.public_url or told.rooms.url,
    )  # fmt: skip
    address = await owned.enter_async_context(listening(app, http.bind_ip, http.port))
    return http.public_url or address


def main(argv: list[str] | None = None) -> int:
    return serve_process("control", read_settings(argv), serve)


if __name__ == "__main__":
    raise SystemExit(main())
