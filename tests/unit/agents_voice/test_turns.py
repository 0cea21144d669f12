"""When a turn starts, when it ends, what interrupts: strategies without I/O, driven window by window."""

from __future__ import annotations

import pytest

from agents.turns import BargeIn, Commit, Interim, Resumed, Speculate, Started, TurnEnd, TurnMachine

WINDOW_S = 0.032


class Speaker:
    """Feeds a machine and keeps what it did, with the time of each action."""

    def __init__(self, machine: TurnMachine) -> None:
        self.machine, self.now_s, self.did = machine, 0.0, []

    def speaks(self, seconds: float, probability: float = 0.9) -> None:
        for _ in range(round(seconds / WINDOW_S)):
            self.now_s += WINDOW_S
            self.did += [(round(self.now_s, 3), action) for action in self.machine.window(probability, self.now_s)]

    def is_silent(self, seconds: float) -> None:
        self.speaks(seconds, 0.01)

    def is_understood(self, text: str, turn: int = 1) -> None:
        self.did += [(round(self.now_s, 3), action) for action in self.machine.understood(turn, text, self.now_s)]

    def kinds(self) -> list[type]:
        return [type(action) for _, action in self.did]


@pytest.fixture
def speaker() -> Speaker:
    return Speaker(TurnMachine(TurnEnd(0.512, "pt-BR")))


def test_one_loud_window_is_no_speech(speaker: Speaker) -> None:
    speaker.is_silent(0.2)
    speaker.speaks(WINDOW_S)
    speaker.is_silent(1.0)
    assert speaker.did == []


def test_a_turn_starts_with_the_first_of_its_windows(speaker: Speaker) -> None:
    speaker.is_silent(0.32)
    speaker.speaks(0.5)
    (_, started), *_ = speaker.did
    assert isinstance(started, Started)
    assert started.at_s == pytest.approx(0.32)


def test_a_short_pause_is_recognised_on_approval_and_dropped_when_speech_goes_on(speaker: Speaker) -> None:
    speaker.speaks(0.64)
    speaker.is_silent(0.16)
    speaker.speaks(0.64)
    assert speaker.kinds() == [Started, Speculate, Resumed]


def test_what_a_dropped_attempt_understood_ends_nothing(speaker: Speaker) -> None:
    speaker.speaks(0.64)
    speaker.is_silent(0.16)
    speaker.speaks(0.64)
    speaker.machine.options = ("vendas",)
    speaker.is_understood("vendas", turn=1)
    assert Commit not in speaker.kinds()


def test_an_expected_answer_ends_the_turn_at_once(speaker: Speaker) -> None:
    speaker.machine.options = ("vendas", "suporte")
    speaker.speaks(0.64)
    speaker.is_silent(0.128)
    speaker.is_understood("Quero vendas, por favor.")
    assert speaker.did[-1][1] == Commit(1, 0.0, pytest.approx(0.64))


@pytest.mark.parametrize(
    ("text", "silence_s"),
    [
        ("Onde está o meu pedido?", 0.36),
        ("Onde está o meu pedido", 0.512),
        ("Eu queria falar com", 1.2),
        ("Eu queria, mas...", 1.2),
        ("Não", 0.512),
        ("e", 0.512),  # one word alone hangs on nothing
    ],
)
def test_what_was_said_decides_how_long_a_silence_ends_it(speaker: Speaker, text: str, silence_s: float) -> None:
    speaker.speaks(0.64)
    speaker.is_silent(0.128)
    speaker.is_understood(text)
    speaker.is_silent(2.0)
    ended_s = next(at_s for at_s, action in speaker.did if isinstance(action, Commit)) - 0.64
    assert silence_s - 0.001 <= ended_s <= silence_s + WINDOW_S


def test_a_turn_nobody_understood_in_time_ends_with_the_usual_silence(speaker: Speaker) -> None:
    speaker.speaks(0.64)
    speaker.is_silent(1.0)
    assert [action for _, action in speaker.did][-1] == Commit(1, 0.0, pytest.approx(0.64))
    assert speaker.did[-1][0] == pytest.approx(0.64 + 0.512, abs=WINDOW_S)


def test_a_monologue_is_cut_at_its_longest(speaker: Speaker) -> None:
    speaker.machine.max_turn_s = 2.0
    speaker.speaks(5.0)
    commits = [action for _, action in speaker.did if isinstance(action, Commit)]
    assert len(commits) == 2
    assert all(commit.turn == 0 for commit in commits)  # no attempt covers it: it must be understood afresh


def test_interim_looks_come_while_speech_lasts_and_only_then(speaker: Speaker) -> None:
    speaker.machine.interim_s = 0.5
    speaker.speaks(1.28)
    looks = speaker.kinds().count(Interim)
    speaker.is_silent(2.0)
    assert looks == 2
    assert speaker.kinds().count(Interim) == looks


def test_an_open_turn_is_over_when_the_call_ends(speaker: Speaker) -> None:
    speaker.speaks(0.64)
    assert speaker.machine.flush(speaker.now_s) == [Commit(0, 0.0, pytest.approx(0.64))]
    assert speaker.machine.flush(speaker.now_s) == []


def test_speech_of_200_ms_pauses_and_a_second_is_sure() -> None:
    barge_in = BargeIn(0.2)
    for count in range(1, 40):
        barge_in.heard(True, WINDOW_S)
        assert barge_in.pauses == (count * WINDOW_S >= 0.2)
        assert barge_in.sure == (count * WINDOW_S >= 1.0)


def test_clicks_far_apart_never_add_up_to_speech() -> None:
    barge_in = BargeIn(0.2)
    for _ in range(100):
        barge_in.heard(True, WINDOW_S)
        for _ in range(4):
            barge_in.heard(False, WINDOW_S)
        assert not barge_in.pauses
