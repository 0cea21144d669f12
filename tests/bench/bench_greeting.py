"""From the caller's ACK to the first audible frame of the bot's greeting, at the caller's end."""

from __future__ import annotations

import asyncio

from sip.phone import Phone
from tests.bench.__main__ import Bench
from tests.product import running, speech_ready

ABOUT = "first bot audio after the ACK, ms"


async def run(bench: Bench) -> None:
    calls = int(bench.options.get("calls", "10"))
    async with running() as product, Phone() as phone:
        await speech_ready(product)
        for _ in range(calls * bench.runs):
            call = await phone.dial(product.sip, caller="+5511977776666")
            await call.wait_answered()
            await call.wait_sound()
            times = call.times
            if times.first_audio is not None and times.acked is not None:
                bench.add("first_audio_ms", 1000 * (times.first_audio - times.acked), "ms")
            if times.answered is not None and times.invite is not None:
                bench.add("answer_ms", 1000 * (times.answered - times.invite), "ms")
            await call.hang_up()
            await asyncio.sleep(0.2)
