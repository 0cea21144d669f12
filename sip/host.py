"""What the SIP process runs: the gateway, and its link to control.

Events are told while the link is up. The link's hello names the calls that are alive (``calls``: UUIDs); what happened
while control was away follows it in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import deque
from typing import Any, Final

from config.sip import SipSettings
from media.link import Link, LinkError, connect
from media.process import Lifetime

from . import events
from .errors import BadEvent
from .events import Told
from .gateway import Gateway

RECONNECT_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
MAX_KEPT: Final = 1024  # events kept while control is away; the oldest gives way
STOP_S: Final = 4.0
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


async def serve(settings: dict[str, Any], lifetime: Lifetime) -> None:
    """Serve by *settings* until *lifetime* ends; then calls get STOP_S to be hung up."""
    section = SipSettings.model_validate(settings["sip"])
    host = Host(section, link=settings["link"], token=settings["link_token"])
    await host.gateway.start()
    lifetime.ready(sip=f"sip:{section.announced_ip or section.bind_ip}:{host.gateway.edge.port}")
    linking = asyncio.create_task(host.serve_link(), name="sip-link")
    try:
        await lifetime.until_stopped(linking)
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await host.gateway.stop()
        linking.cancel()
        await asyncio.gather(linking, return_exceptions=True)
