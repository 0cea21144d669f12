"""Calls through the whole gateway: edge, forked workers with pjsua2, PCM socket; the far end is a real phone."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import wave
from pathlib import Path

from sip import events
from sip.phone import Phone
from tests.fakes.sip_world import TOKEN, EchoMedia, World, strength, tone


async def test_a_call_is_answered_and_audio_flows_both_ways() -> None:
    async with World() as world, Phone() as phone:
        call = await phone.dial(world.uri("5511988887777"), caller="+5511999990000")
        await call.wait_answered()
        incoming = await world.next(events.Incoming)
        assert (incoming.caller, incoming.called) == ("+5511999990000", "+5511988887777")
        assert incoming.trunk == "direct"
        await world.next(events.Acked)
        await call.play(tone(440, 1.0))
        begin = await call.wait_sound(0.5, since_s=0.0)
        await call.wait_quiet(0.3)
        echoed = bytes(call.heard)[int(begin / 0.02) * 640 :][: 640 * 40]
        assert strength(echoed, 440) > 0.8
        assert strength(bytes(world.media.heard[incoming.call]), 440) > 0.5
        ended = await call.hang_up()
        assert ended.code == 200
        assert (await world.next(events.Ended)).cause == "caller_hung_up"


async def test_the_answer_comes_well_within_a_second() -> None:
    async with World() as world, Phone() as phone:
        took = []
        for _ in range(5):
            call = await phone.dial(world.uri("100"))
            await call.wait_answered()
            took.append(call.times.since_invite(call.times.answered) or 9.0)
            await call.hang_up()
        assert sorted(took)[2] < 0.5


async def test_we_hang_up() -> None:
    async with World() as world, Phone() as phone:
        call = await phone.dial(world.uri("100"))
        acked = await world.next(events.Acked)
        world.gateway.command(events.HangUp(acked.call))
        await call.wait_ended()
        ended = await world.next(events.Ended)
        assert (ended.cause, ended.blame) == ("we_hung_up", "us")
        assert not world.gateway.calls


async def test_digits_both_ways_and_by_info() -> None:
    async with World() as world, Phone() as phone:
        call = await phone.dial(world.uri("100"))
        acked = await world.next(events.Acked)
        await call.digits("19#*")
        heard = [await world.next(events.Digit) for _ in range(4)]
        assert [(digit.digit, digit.method) for digit in heard] == [(each, "rtp") for each in "19#*"]
        await call.digits("5", info=True)
        assert (await world.next(events.Digit)).method == "info"
        world.gateway.command(events.SendDigits(acked.call, "42"))
        assert await call.wait_digits(2) == "42"
        await call.hang_up()


async def test_the_peer_holds_and_resumes_and_is_heard_again() -> None:
    async with World() as world, Phone() as phone:
        call = await phone.dial(world.uri("100"))
        await world.next(events.Acked)
        for _ in range(2):
            await call.hold()
            await world.next(events.Held)
            await call.resume()
            await world.next(events.Resumed)
        await call.wait_quiet(0.2)
        await call.play(tone(600, 0.5))
        await call.wait_sound(0.3, timeout_s=3, since_s=call.heard_s - 0.6)
        await call.hang_up()


async def test_we_hold_by_reinvite_and_resume() -> None:
    async with World() as world, Phone() as phone:
        call = await phone.dial(world.uri("100"))
        acked = await world.next(events.Acked)
        await call.wait_for(lambda: bool(call.media), 5, "media")
        world.gateway.command(events.Hold(acked.call))
        await call.wait_for(lambda: call.media[-1][0] == 3, 5, "being held")  # PJSUA_CALL_MEDIA_REMOTE_HOLD
        world.gateway.command(events.Hold(acked.call))
        assert (await world.next(events.Failed)).command == "hold"
        world.gateway.command(events.Resume(acked.call))
        await call.wait_for(lambda: call.media[-1][0] == 1, 5, "being resumed")
        await call.hang_up()


async def test_cancel_while_it_rings() -> None:
    async with World(decide=lambda world, incoming: None) as world, Phone() as phone:
        call = await phone.dial(world.uri("100"))
        await call.wait_for(lambda: call.times.ringing is not None, 5, "ringing")
        ended = await call.hang_up()
        assert ended.code == 487
        assert (await world.next(events.Ended)).cause == "cancelled"


async def test_a_refusal_carries_its_code_and_retry_after() -> None:
    def refuse(world: World, incoming: events.Incoming) -> None:
        world.gateway.command(events.Reject(incoming.call, 486, "Busy Here"))

    async with World(decide=refuse) as world, Phone() as phone:
        call = await phone.dial(world.uri("100"))
        assert (await call.wait_ended()).code == 486
        ended = await world.next(events.Ended)
        assert (ended.cause, ended.code) == ("rejected", 486)


async def test_nobody_decides_503_and_nobody_there_503() -> None:
    async with World(decide=lambda world, incoming: None, answer_timeout_s=0.3) as world, Phone() as phone:
        call = await phone.dial(world.uri("100"))
        assert (await call.wait_ended()).code == 503
        assert (await world.next(events.Ended)).cause == "rejected"
        world.gateway.online = False
        before = len(world.of(events.Incoming))
        call = await phone.dial(world.uri("100"))
        assert (await call.wait_ended()).code == 503
        assert len(world.of(events.Incoming)) == before


async def test_past_capacity_503_and_the_slot_comes_back() -> None:
    async with World(workers_max=1, calls_per_worker=2, spare_slots=0) as world, Phone() as phone:
        first, second = await phone.dial(world.uri("1")), await phone.dial(world.uri("2"))
        await first.wait_answered()
        await second.wait_answered()
        third = await phone.dial(world.uri("3"))
        assert (await third.wait_ended()).code == 503
        await first.hang_up()
        await world.next(events.Ended)
        fourth = await phone.dial(world.uri("4"))
        await fourth.wait_answered()


async def test_a_worker_full_to_the_limit_of_its_library_takes_a_call_whenever_one_has_ended() -> None:
    async with World(workers_max=1, calls_per_worker=4, spare_slots=0) as world, Phone() as one, Phone() as other:
        up = [await phone.dial(world.uri("1")) for phone in (one, other, one, other)]
        for call in up:
            await call.wait_answered()
        for phone in (one, other) * 3:
            await up.pop(0).hang_up()
            await world.next(events.Ended)
            up.append(await phone.dial(world.uri("1")))
            await up[-1].wait_answered()


async def test_a_full_trunk_answers_as_it_is_set() -> None:
    trunk = {
        "name": "carrier",
        "sources": ["127.0.0.0/8"],
        "max_calls": 1,
        "full_status": 486,
        "numbers": ["+551130000000"],
    }
    async with World(trunks=[trunk]) as world, Phone() as phone:
        first = await phone.dial(world.uri("551130000000"))
        await first.wait_answered()
        assert (await world.next(events.Incoming)).trunk == "carrier"
        second = await phone.dial(world.uri("551130000000"))
        assert (await second.wait_ended()).code == 486


async def test_the_pool_grows_and_shrinks() -> None:
    async with World(workers_max=3, calls_per_worker=1, spare_slots=1, worker_idle_s=0.5) as world, Phone() as phone:
        calls = []
        for _ in range(3):
            call = await phone.dial(world.uri("1"))
            await call.wait_answered()
            calls.append(call)  # the second and third may have waited for a worker to be forked
        assert world.gateway.pool.ready_count == 3
        for call in calls:
            await call.hang_up()
        async with asyncio.timeout(10):
            while world.gateway.pool.ready_count > 1:
                await asyncio.sleep(0.05)
        assert world.gateway.pool.died == 0  # asked to go, not lost


async def test_a_burst_waits_for_the_workers_it_needs() -> None:
    async with World(workers_max=4, calls_per_worker=1, spare_slots=0) as world, Phone() as phone:
        calls = [await phone.dial(world.uri(str(number))) for number in range(4)]
        for call in calls:
            await call.wait_answered()
        assert world.gateway.pool.ready_count == 4


async def test_a_caller_who_gives_up_before_any_worker_had_the_call() -> None:
    async with World(workers_max=2, calls_per_worker=1, spare_slots=0) as world, Phone() as phone:
        first = await phone.dial(world.uri("1"))
        await first.wait_answered()
        world.gateway.pool.want = lambda calls: None  # type: ignore[method-assign]  # the new worker takes its time
        second = await phone.dial(world.uri("2"))
        async with asyncio.timeout(5):
            while len(world.gateway.edge.ground.dialogs) < 2:
                await asyncio.sleep(0.01)
        assert (await second.hang_up()).code == 487
        assert len(world.of(events.Incoming)) == 1
        await first.hang_up()


async def test_a_killed_worker_takes_only_its_own_calls() -> None:
    async with World(workers_min=2, calls_per_worker=1, spare_slots=0) as world, Phone() as phone:
        one, two = await phone.dial(world.uri("1")), await phone.dial(world.uri("2"))
        first = await world.next(events.Acked)
        second = await world.next(events.Acked)
        await one.wait_answered()
        await two.wait_answered()
        gateway = world.gateway
        victim = gateway.pool.at(gateway._calls[first.call].worker)
        assert victim is not None
        killed = time.monotonic()
        os.kill(victim.pid, signal.SIGKILL)
        ended = await world.next(events.Ended)
        assert (ended.call, ended.cause, ended.blame) == (first.call, "worker_lost", "us")
        done, pending = await asyncio.wait({one.ended, two.ended}, timeout=3, return_when=asyncio.FIRST_COMPLETED)
        assert len(done) == len(pending) == 1  # the far end got a BYE; the other call goes on
        async with asyncio.timeout(5):
            while gateway.pool.ready_count < 2:
                await asyncio.sleep(0.01)
        assert time.monotonic() - killed < 2.0 or os.getloadavg()[0] > 4
        survivor = two if one.ended.done() else one
        since = survivor.heard_s
        await survivor.play(tone(440, 0.3))
        await survivor.wait_sound(0.2, since_s=since)
        assert gateway.calls == [second.call]
        again = await phone.dial(world.uri("3"))
        await again.wait_answered()


async def test_a_worker_killed_while_it_rings_loses_nothing() -> None:
    async with World(decide=lambda world, incoming: None) as world, Phone() as phone:
        call = await phone.dial(world.uri("100"))
        incoming = await world.next(events.Incoming)
        victim = world.gateway.pool.at(world.gateway._calls[incoming.call].worker)
        assert victim is not None
        os.kill(victim.pid, signal.SIGKILL)
        world.answer(incoming)  # decided while no worker has the call
        await call.wait_answered()
        assert len(world.of(events.Incoming)) == 1
        assert (await world.next(events.Acked)).call == incoming.call
        await call.hang_up()


async def test_a_lost_media_process_is_bridged_by_the_sentence_and_another_takes_over(tmp_path: Path) -> None:
    sentence = tmp_path / "sentence.wav"
    with wave.open(str(sentence), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(tone(900, 1.0))
    async with World(media_lost_wav=str(sentence)) as world, Phone() as phone:
        call = await phone.dial(world.uri("100"))
        acked = await world.next(events.Acked)
        since = call.heard_s
        await world.media.close()
        await world.next(events.MediaLost)
        begin = await call.wait_sound(0.5, since_s=since)
        assert strength(bytes(call.heard)[int(begin / 0.02) * 640 :], 900) > 0.8
        other = EchoMedia(tmp_path / "other", say=tone(300, 1.0))
        await other.open()
        other.expect(acked.call)
        world.gateway.command(events.Attach(acked.call, other.path, TOKEN))
        await world.next(events.Attached)
        await asyncio.sleep(0.3)  # what of the sentence was on its way
        since = call.heard_s
        await call.wait_sound(0.5, since_s=since)
        assert strength(bytes(call.heard)[int(since / 0.02) * 640 :], 300) > 0.8
        await call.hang_up()
        await other.close()


async def test_an_unreachable_media_process_leaves_the_call_unanswered() -> None:
    def answer_wrongly(world: World, incoming: events.Incoming) -> None:
        world.gateway.command(events.Answer(incoming.call, "/nonexistent/pcm", TOKEN))

    async with World(decide=answer_wrongly) as world, Phone() as phone:
        call = await phone.dial(world.uri("100"))
        lost = await world.next(events.MediaLost)
        assert (await world.next(events.Failed)).command == "answer"
        assert call.times.answered is None
        world.media.expect(lost.call)
        world.gateway.command(events.Answer(lost.call, world.media.path, TOKEN))
        await call.wait_answered()
        await call.hang_up()


async def test_we_dial_and_the_far_end_answers() -> None:
    async with World() as world, Phone() as phone:
        world.media.expect("11111111-2222-3333-4444-555555555555")
        world.gateway.command(
            events.Dial(
                "11111111-2222-3333-4444-555555555555",
                world.media.path,
                TOKEN,
                uri=phone.uri,
                caller_id="+551130001000",
            )
        )
        call = await phone.incoming()
        assert "+551130001000" in call.caller
        await world.next(events.Ringing)
        await call.accept()
        await world.next(events.Acked)
        await call.play(tone(500, 0.4))
        await call.wait_sound(0.2, since_s=0.0)
        await call.hang_up()
        assert (await world.next(events.Ended)).cause == "caller_hung_up"


async def test_we_dial_and_the_far_end_is_busy_or_we_give_up() -> None:
    async with World() as world, Phone() as phone:
        call = "11111111-2222-3333-4444-666666666666"
        world.media.expect(call)
        world.gateway.command(events.Dial(call, world.media.path, TOKEN, uri=phone.uri))
        await (await phone.incoming()).hang_up(486)
        ended = await world.next(events.Ended)
        assert (ended.cause, ended.code, ended.blame) == ("rejected", 486, "peer")
        call = "11111111-2222-3333-4444-777777777777"
        world.media.expect(call)
        world.gateway.command(events.Dial(call, world.media.path, TOKEN, uri=phone.uri))
        ringing = await phone.incoming()
        await world.next(events.Ringing)
        world.gateway.command(events.HangUp(call))
        assert (await world.next(events.Ended)).cause == "we_hung_up"
        assert (await ringing.wait_ended()).code == 487


async def test_a_call_over_tcp_comes_back_on_its_connection() -> None:
    async with World() as world:
        reader, writer = await asyncio.open_connection("127.0.0.1", world.gateway.edge.port)
        writer.write(b"\r\n\r\n")
        assert await asyncio.wait_for(reader.readexactly(2), 5) == b"\r\n"
        lines = [
            f"OPTIONS sip:127.0.0.1:{world.gateway.edge.port} SIP/2.0",
            "Via: SIP/2.0/TCP 10.0.0.1:5060;branch=z9hG4bKo",
            *("From: <sip:a@b>;tag=1", "To: <sip:c@d>", "Call-ID: tcp-1", "CSeq: 1 OPTIONS", "l: 0", "", ""),
        ]
        request = "\r\n".join(lines).encode()
        writer.write(request[:40])
        await writer.drain()
        writer.write(request[40:] + request.replace(b"tcp-1", b"tcp-2"))
        answers = b""
        while answers.count(b"SIP/2.0 200") < 2:
            answers += await asyncio.wait_for(reader.read(4096), 5)
        assert b"received=127.0.0.1" in answers
        writer.close()
        await writer.wait_closed()
