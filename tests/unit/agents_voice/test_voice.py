"""A voice in a call: prompts, answers, barge-in, digits; on virtual time, with a scripted speech service."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import pytest

from agents.errors import SpeechUnavailable, VoiceClosed
from agents.events import Final, Interrupted, Partial, SpeechLost, SpeechStarted, VoiceEvent
from agents.pipeline import Expect, Transcriber, Voice
from config.agents import VoiceSettings
from media.frames import FRAME_S, SILENCE, Frame
from tests.fakes.speech import LevelVad, ScriptedSpeech, vowel

pytestmark = pytest.mark.virtual_time


class Call:
    """The clock of one call: pushes what the caller says, takes what the voice says."""

    def __init__(self, speech: ScriptedSpeech) -> None:
        self.speech, self.events = speech, list[VoiceEvent]()
        self.voice = Voice(
            speech, VoiceSettings(), language="pt-BR", voice="v", emit=self.events.append, vad=LevelVad()
        )
        self._says: deque[Frame] = deque()
        self._began_s = asyncio.get_running_loop().time()
        self.heard: list[Frame | None] = []

    async def run(self) -> None:
        while True:
            self.voice.push(self._says.popleft() if self._says else SILENCE)
            self.heard.append(self.voice.pull())
            await asyncio.sleep(FRAME_S)

    def speaks(self, seconds: float, *, after_s: float = 0.0) -> None:
        asyncio.get_running_loop().call_later(after_s, self._says.extend, vowel(seconds))

    def presses(self, digits: str, *, after_s: float = 0.0, every_s: float = 0.3) -> None:
        for i, digit in enumerate(digits):
            asyncio.get_running_loop().call_later(after_s + i * every_s, self.voice.digit, digit)

    @property
    def now_s(self) -> float:
        return asyncio.get_running_loop().time() - self._began_s

    @property
    def heard_s(self) -> float:
        return sum(frame is not None for frame in self.heard) * FRAME_S

    def told(self, kind: type) -> list[VoiceEvent]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
async def call() -> AsyncIterator[Call]:
    call = Call(ScriptedSpeech())
    await call.voice.start()
    clock = asyncio.create_task(call.run(), name="clock")
    yield call
    clock.cancel()
    await asyncio.wait([clock])
    await call.voice.close()


async def test_a_prompt_is_heard_in_full(call: Call) -> None:
    said = await call.voice.say("Bom dia. Até logo.")
    assert said.heard_text == "Bom dia. Até logo."
    assert not said.interrupted
    assert said.heard_s == pytest.approx(call.heard_s)
    assert call.speech.spoken == ["Bom dia.", "Até logo."]


async def test_a_prompt_of_nothing_is_over_at_once(call: Call) -> None:
    assert (await call.voice.say("😀")).heard_s == 0


async def test_the_next_sentence_is_made_while_the_first_is_heard(call: Call) -> None:
    call.speech.first_sound_s = 0.2
    saying = asyncio.create_task(call.voice.say("Uma frase bem comprida aqui. Outra."))
    await asyncio.sleep(0.5)
    assert len(call.speech.spoken) == 2
    await saying


async def test_sound_ahead_is_bounded(call: Call) -> None:
    call.speech.frames_per_letter = 100
    saying = asyncio.create_task(call.voice.say("a" * 100))
    await asyncio.sleep(0.5)
    assert len(call.voice._mouth._frames) * FRAME_S < 23
    assert (await saying).heard_s == pytest.approx(200)


async def test_an_answer_is_understood_after_its_last_word(call: Call) -> None:
    call.speech.hears("Quero saber do meu pedido.")
    call.speaks(1.0, after_s=0.5)
    heard = await call.voice.ask(Expect(timeout_s=3))
    assert (heard.text, heard.via) == ("Quero saber do meu pedido.", "speech")
    assert heard.start_s == pytest.approx(0.5, abs=0.1)
    assert heard.end_s == pytest.approx(1.5, abs=0.1)
    assert call.now_s - 1.5 == pytest.approx(0.36, abs=0.12)
    assert [type(event) for event in call.events] == [SpeechStarted, Partial, Final]
    # The turn holds what came before its first sound was noticed, and the silence after its last.
    assert call.speech.asked[0][0] == pytest.approx(1.0 + 0.16 + 0.1, abs=0.08)


async def test_an_expected_answer_is_taken_as_soon_as_it_is_understood(call: Call) -> None:
    call.speech.hears("Vendas")
    call.speaks(0.6, after_s=0.5)
    heard = await call.voice.ask(Expect(timeout_s=3, options=("vendas", "suporte")))
    assert heard.text == "Vendas"
    assert call.now_s - 1.1 < 0.1 + call.speech.decode_s + 0.1
    assert call.speech.asked[0][1:] == ("speculative", ("vendas", "suporte"))


async def test_a_pause_within_a_sentence_does_not_split_it(call: Call) -> None:
    call.speech.hears("Eu queria falar com", "Eu queria falar com o suporte.")
    call.speaks(0.8, after_s=0.2)
    call.speaks(0.8, after_s=1.6)  # a pause of 600 ms
    heard = await call.voice.ask(Expect(timeout_s=3))
    assert heard.text == "Eu queria falar com o suporte."
    assert len(call.told(Final)) == 1


async def test_silence_is_a_timeout(call: Call) -> None:
    heard = await call.voice.ask(Expect(timeout_s=2))
    assert (heard.text, heard.via) == ("", "timeout")
    assert call.now_s == pytest.approx(2, abs=0.05)


async def test_who_has_begun_to_speak_is_heard_out(call: Call) -> None:
    call.speech.hears("Um instante.")
    call.speaks(3.0, after_s=0.8)
    heard = await call.voice.ask(Expect(timeout_s=1))
    assert heard.text == "Um instante."


async def test_a_noise_is_no_answer(call: Call) -> None:
    call.speech.hears("")
    call.speaks(0.3, after_s=0.5)
    assert (await call.voice.ask(Expect(timeout_s=2))).via == "timeout"


async def test_speech_over_a_prompt_stops_it_and_is_the_next_answer(call: Call) -> None:
    call.speech.hears("Suporte, por favor.")
    call.speaks(1.2, after_s=1.0)
    said = await call.voice.say("Para vendas diga um, para suporte diga dois, ou espere na linha.")
    assert said.interrupted
    assert said.heard_s == pytest.approx(1.25, abs=0.08)  # stopped 250 ms after the first sound
    assert call.heard_s == pytest.approx(said.heard_s)
    assert said.text.startswith(said.heard_text)
    assert 0 < len(said.heard_text) < len(said.text)
    assert call.told(Interrupted) == [Interrupted("speech", said.heard_s)]
    answer = await call.voice.ask(Expect())
    assert answer.text == "Suporte, por favor."
    assert answer.start_s == pytest.approx(1.0, abs=0.1)


async def test_a_cough_does_not_cost_the_rest_of_the_prompt(call: Call) -> None:
    call.speech.hears("")
    call.speaks(0.35, after_s=1.0)
    said = await call.voice.say("Uma frase bastante comprida para ser dita.")
    assert not said.interrupted
    assert said.heard_text == said.text
    gap = call.heard[60:].index(None)
    assert gap < 20  # it did pause


async def test_words_that_are_understood_late_interrupt_all_the_same(call: Call) -> None:
    call.speech.decode_s = 3.0  # the speech service is overloaded
    call.speech.hears("Suporte.")
    call.speaks(0.5, after_s=0.5)
    said = await call.voice.say("Uma frase muito comprida para ser dita, e ainda mais comprida do que isso. " * 2)
    assert said.interrupted
    assert None in call.heard[40:120]  # it paused
    assert said.heard_s > 1.5  # went on when nothing came of it, and stopped in the end
    assert (await call.voice.ask(Expect(timeout_s=1))).text == "Suporte."


async def test_an_unlikely_short_word_over_a_prompt_is_a_hum_unless_it_is_the_answer(call: Call) -> None:
    call.speech.hears("Vendas", confidence=0.2)
    call.speaks(0.4, after_s=0.5)
    assert not (await call.voice.say("Uma frase bastante comprida para ser dita.")).interrupted
    call.speaks(0.4, after_s=0.5)
    said = await call.voice.say("Uma frase bastante comprida para ser dita.", expect=Expect(options=("vendas",)))
    assert said.interrupted


async def test_what_must_be_heard_is_not_interrupted(call: Call) -> None:
    call.speaks(1.0, after_s=0.3)
    call.presses("1", after_s=0.3)
    said = await call.voice.say("Esta ligação será gravada.", interruptible=False)
    assert not said.interrupted
    assert call.speech.asked == []
    assert (await call.voice.ask(Expect(max_digits=1))).text == "1"  # the digit waited


async def test_the_tail_of_the_last_answer_does_not_cut_the_next_prompt(call: Call) -> None:
    call.speech.hears("por favor")
    call.speaks(0.7)
    await asyncio.sleep(0.05)
    said = await call.voice.say("Uma frase comprida para ser dita.")
    assert not said.interrupted
    assert (await call.voice.ask(Expect(timeout_s=1))).via == "timeout"


async def test_a_digit_cuts_the_prompt_and_answers(call: Call) -> None:
    call.presses("2", after_s=0.5)
    said = await call.voice.say("Para vendas tecle um, para suporte tecle dois.")
    assert said.interrupted
    assert said.heard_s == pytest.approx(0.5, abs=0.05)
    heard = await call.voice.ask(Expect(max_digits=1))
    assert (heard.text, heard.via) == ("2", "digits")
    assert call.told(Interrupted) == [Interrupted("digit", said.heard_s)]


async def test_who_knows_the_menu_types_ahead(call: Call) -> None:
    call.presses("12", every_s=0)
    await asyncio.sleep(0.01)
    assert (await call.voice.say("Primeiro menu.")).heard_s == 0
    assert (await call.voice.ask(Expect(max_digits=1))).text == "1"
    assert (await call.voice.say("Segundo menu.")).interrupted
    assert (await call.voice.ask(Expect(max_digits=1))).text == "2"


@pytest.mark.parametrize(
    ("pressed", "max_digits", "got", "took_s"),
    [("123#", None, "123", 0.9), ("123", None, "123", 3.6), ("4567", 3, "456", 0.6), ("#", 0, "", 0.0)],
)
async def test_digits_end_by_number_by_hash_or_by_a_gap(
    call: Call, pressed: str, max_digits: int | None, got: str, took_s: float
) -> None:
    call.presses(pressed)
    heard = await call.voice.ask(Expect(max_digits=max_digits, gap_s=3))
    assert (heard.text, heard.via) == (got, "digits")
    assert call.now_s == pytest.approx(took_s, abs=0.05)


async def test_what_is_no_digit_is_ignored(call: Call) -> None:
    call.presses("x")
    assert (await call.voice.ask(Expect(timeout_s=1))).via == "timeout"


async def test_speech_down_is_told_soon(call: Call) -> None:
    call.speech.down = True
    with pytest.raises(SpeechUnavailable):
        await call.voice.say("Olá.")
    assert call.now_s < 3


async def test_a_prompt_waits_out_a_short_restart(call: Call) -> None:
    call.speech.down = True
    asyncio.get_running_loop().call_later(1.0, setattr, call.speech, "down", False)
    assert (await call.voice.say("Olá.")).heard_text == "Olá."


async def test_a_turn_waits_out_a_restart_of_the_speech_service(call: Call) -> None:
    call.speech.hears("Vendas")
    call.speech.down = True
    call.speaks(0.6, after_s=0.2)
    asyncio.get_running_loop().call_later(3.0, setattr, call.speech, "down", False)
    assert (await call.voice.ask(Expect(timeout_s=2))).text == "Vendas"


async def test_a_turn_nobody_can_understand_is_an_error_and_the_next_one_is_heard(call: Call) -> None:
    call.speech.down = True
    call.speaks(0.6, after_s=0.2)
    with pytest.raises(SpeechUnavailable):
        await call.voice.ask(Expect(timeout_s=2))
    assert len(call.told(SpeechLost)) == 1
    call.speech.down = False
    call.speech.hears("Vendas")
    call.speaks(0.6)
    assert (await call.voice.ask(Expect(timeout_s=2))).text == "Vendas"


async def test_shed_speculation_is_made_up_for_at_the_end_of_the_turn(call: Call) -> None:
    call.speech.will_hear.append(SpeechUnavailable("shed"))
    call.speech.hears("Suporte.")
    call.speaks(0.6)
    assert (await call.voice.ask(Expect(timeout_s=2))).text == "Suporte."
    assert [priority for _, priority, _ in call.speech.asked] == ["speculative", "final"]


async def test_the_end_of_the_call_ends_a_prompt_and_a_question(call: Call) -> None:
    for waiting in (call.voice.say("Uma frase."), call.voice.ask(Expect())):
        task = asyncio.create_task(waiting)
        await asyncio.sleep(0.1)
        await call.voice.close()
        with pytest.raises(VoiceClosed):
            await task


async def test_a_cancelled_prompt_stops_and_the_next_one_is_heard(call: Call) -> None:
    saying = asyncio.create_task(call.voice.say("Uma frase comprida."))
    await asyncio.sleep(0.3)
    saying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saying
    before_s = call.heard_s
    assert before_s == pytest.approx(0.3, abs=0.05)
    assert (await call.voice.say("Outra.")).heard_s == pytest.approx(call.heard_s - before_s)


async def test_who_does_not_listen_never_wakes_the_model(call: Call) -> None:
    call.speaks(2.0)
    await asyncio.sleep(3)
    assert call.voice._ear.stats.examined == 0


async def test_a_handler_that_fails_does_not_deafen_the_voice(call: Call) -> None:
    call.voice._emit = lambda event: 1 / 0
    call.speech.hears("Vendas")
    call.speaks(0.6)
    assert (await call.voice.ask(Expect())).text == "Vendas"


async def test_a_transcriber_writes_down_every_phrase_with_its_times() -> None:
    speech, events = ScriptedSpeech(), list[VoiceEvent]()
    speech.hears("Bom dia.", "Tudo bem?")
    scribe = Transcriber(
        speech, VoiceSettings(partial_every_s=0), language="pt-BR", speaker="Ana", emit=events.append,
        vad=LevelVad(), at_s=100.0,
    )  # fmt: skip
    await scribe.start()
    for frame in [*[SILENCE] * 50, *vowel(1.0), *[SILENCE] * 100, *vowel(0.6)]:
        scribe.push(frame)
        await asyncio.sleep(FRAME_S)
    await scribe.close()  # in the middle of the second phrase
    finals = [event for event in events if isinstance(event, Final)]
    assert [final.text for final in finals] == ["Bom dia.", "Tudo bem?"]
    assert finals[0].start_s == pytest.approx(101.0, abs=0.1)
    assert finals[0].end_s == pytest.approx(102.0, abs=0.1)
    assert finals[1].start_s == pytest.approx(104.0, abs=0.1)
