"""What the SIP process runs: the gateway, and its link to control.

Events are told while the link is up. The link's hello names the calls that are alive (``calls``: UUIDs); what happened
while control was away follows it in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
from collections import deque
from typing import Any, Final

from config.logs import LogSettings, setup_logging
from config.sip import SipSettings
from media.link import Link, LinkError, connect

from . import events
from .errors import BadEvent
from .events import Told
from .gateway import Gateway

RECONNECT_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
MAX_KEPT: Final = 1024  # events kept while control is away; the oldest gives way
log = logging.getLogger(__name__)


class Host:
    """One gateway and one link, reconnected with back-off for as long as the process lives."""

    def __init__(self, settings: SipSettings, *, link: str, token: str) -> None:
        self._address = link
        self._token = token
        self._link: Link | None = None
        self._kept: deque[Told] = deque(maxlen=MAX_KEPT)
        self.dropped_events = 0
        self.gateway = Gateway(settings, self._tell)

    async def serve_link(self) -> None:
        """Hold the link until cancelled."""
        failures = 0
        while True:
            try:
                link = await connect(
                    self._address, token=self._token, role="sip", name="sip", pid=os.getpid(), calls=self.gateway.calls
                )
            except (OSError, LinkError) as error:
                failures += 1
                if failures in (1, 10) or failures % 100 == 0:
                    log.warning("control_unreachable", extra={"error": str(error), "tries": failures})
                await asyncio.sleep(RECONNECT_S[min(failures, len(RECONNECT_S)) - 1])
                continue
            failures = 0
            await self._talk(link)
            await asyncio.sleep(RECONNECT_S[0])

    async def _talk(self, link: Link) -> None:
        self._link = link
        self.gateway.online = True
        log.info("control_connected")
        while self._kept:
            link.send(self._kept.popleft().to_dict())
        self.gateway.tell_capacity()
        try:
            async for message in link:
                self._take(message)
        except LinkError as error:
            log.error("control_link_broken", extra={"error": str(error)})
        finally:
            self.gateway.online = False
            self._link = None
            await link.close()
            log.warning("control_lost")

    def _take(self, message: dict[str, Any]) -> None:
        try:
            self.gateway.command(events.command_from(message))
        except BadEvent as error:
            log.error("bad_command", extra={"error": str(error)})

    def _tell(self, event: Told) -> None:
        if self._link is not None and self._link.send(event.to_dict()):
            return
        if isinstance(event, events.Capacity):
            return
        self.dropped_events += len(self._kept) == self._kept.maxlen
        self._kept.append(event)


async def run(given: dict[str, Any]) -> int:
    """Serve by the settings *given* until SIGTERM, SIGINT or the end of stdin."""
    setup_logging("sip", LogSettings.model_validate(given.get("logs", {})))
    settings = SipSettings.model_validate(given["sip"])
    host = Host(settings, link=given["link"], token=given["link_token"])
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await host.gateway.start()
    _watch_stdin(stop)
    port = host.gateway.edge.port
    print(json.dumps({"ready": True, "sip": f"sip:{settings.announced_ip or settings.bind_ip}:{port}"}), flush=True)
    linking = asyncio.create_task(host.serve_link(), name="sip-link")
    try:
        await stop.wait()
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(4):
                await host.gateway.stop()
        linking.cancel()
        await asyncio.gather(linking, return_exceptions=True)
    return 0


def _watch_stdin(stop: asyncio.Event) -> None:
    """Stop when the owner is gone: its end of our stdin closes. A terminal or a file is no owner."""
    loop = asyncio.get_running_loop()

    def look() -> None:
        try:
            ended = not os.read(0, 4096)
        except BlockingIOError:
            return
        except OSError:
            ended = True
        if ended:
            loop.remove_reader(0)
            stop.set()

    with contextlib.suppress(OSError, ValueError, PermissionError):
        if not os.isatty(0):
            loop.add_reader(0, look)
