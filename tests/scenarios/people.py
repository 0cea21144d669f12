"""Who takes part in a scenario: an attendant without a browser, and callers.

The attendant talks the console's own API: HTTP, the hub's WebSocket, and a room through the LiveKit SDK.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp

from media.rooms import RoomLeg
from sip.phone import Phone, PhoneCall
from tests.product import Product

NEW_PASSWORD = "uma senha comprida"


class ApiAttendant:
    """Signed in with the first user's one-time password. ``async with`` closes hub, room and HTTP session."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self._http = aiohttp.ClientSession(product.url, cookie_jar=aiohttp.CookieJar(unsafe=True))
        self._csrf = ""
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._listening: asyncio.Task[None] | None = None
        self._news = asyncio.Condition()
        self.events: list[dict[str, Any]] = []
        self.user: dict[str, Any] = {}
        self.room: RoomLeg | None = None

    async def __aenter__(self) -> ApiAttendant:
        signed = await self.post(
            "/api/auth/sign-in", email=self._product.email, password=self._product.password, signing_in=True
        )
        self._csrf, self.user = signed["csrf"], signed["user"]
        await self.post("/api/auth/password", current=self._product.password, new=NEW_PASSWORD)
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave_room()
        await self.disconnect()
        await self._http.close()

    async def connect(self, since: int = 0) -> None:
        headers = {"Origin": self._product.url}
        self._socket = await self._http.ws_connect(f"/api/attendance/ws?since={since}", headers=headers)
        self._listening = asyncio.create_task(self._listen(self._socket), name="attendant's hub")

    async def disconnect(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                async with self._news:
                    self.events.append(message.json())
                    self._news.notify_all()

    async def event(self, type: str, where: Callable[[dict[str, Any]], bool] = bool, timeout_s: float = 30.0) -> Any:
        """The first event of *type* that *where* likes, now or within *timeout_s*."""
        async with asyncio.timeout(timeout_s), self._news:
            while True:
                for event in self.events:
                    if event["type"] == type and where(event):
                        return event
                await self._news.wait()

    async def call_state(self, state: str, timeout_s: float = 30.0) -> Any:
        return await self.event("call_update", lambda event: event["call"]["state"] == state, timeout_s)

    async def get(self, path: str) -> Any:
        async with self._http.get(path) as answer:
            assert answer.status == 200, f"GET {path}: {answer.status} {await answer.text()}"
            return await answer.json()

    async def post(self, path: str, *, signing_in: bool = False, **body: Any) -> Any:
        headers = {} if signing_in else {"X-CSRF-Token": self._csrf}
        async with self._http.post(path, json=body, headers=headers) as answer:
            assert answer.status < 300, f"POST {path}: {answer.status} {await answer.text()}"
            return await answer.json()

    async def online(self) -> None:
        async with self._http.put(
            "/api/attendance/presence", json={"status": "online"}, headers={"X-CSRF-Token": self._csrf}
        ) as answer:
            assert answer.status == 200, await answer.text()

    async def accept(self) -> dict[str, Any]:
        """Wait until it rings, accept, enter the room."""
        offer = await self.event("offer")
        taken = await self.post(f"/api/offers/{offer['offer_id']}/accept")
        await self.enter(taken["room"])
        result: dict[str, Any] = taken
        return result

    async def enter(self, grant: dict[str, str]) -> RoomLeg:
        self.room = RoomLeg(name="attendant")
        await self.room.join(grant["url"], grant["token"])
        return self.room

    async def leave_room(self) -> None:
        if self.room is not None:
            await self.room.close()
            self.room = None

    async def conversation(self, session_id: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.get(f"/api/conversations/{session_id}")
        return found

    async def items(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get("/api/attendance/queue?status=all"))["items"]
        return found


async def ask_for_a_person(phone: Phone, product: Product, caller: str = "+5511988887777") -> PhoneCall:
    """Call, and press 0 as soon as the bot speaks: the conversation goes into the queue."""
    call = await phone.dial(product.sip, caller=f'"Ana Costa" <sip:{caller}@127.0.0.1>')
    await call.wait_answered()
    await call.wait_sound()
    await call.digits("0")
    return call


async def until(condition: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """Poll *condition* (may be async) until it is true; its value."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                value = condition()
                if asyncio.iscoroutine(value):
                    value = await value
                if value:
                    return value
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s:g} s: {what}") from None
