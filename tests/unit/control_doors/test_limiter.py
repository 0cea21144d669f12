"""How often somebody may be wrong: on a clock of the test's own."""

from __future__ import annotations

import pytest

from control.auth.limiter import ACCOUNT_FACTOR, ADDRESS_FACTOR, MAX_WAIT_S, SignInLimiter
from control.errors import TooMany


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def limiter(capacity: int = 100) -> tuple[SignInLimiter, Clock]:
    clock = Clock()
    return SignInLimiter(3, 60.0, capacity=capacity, clock=clock), clock


def refused(sut: SignInLimiter, address: str = "a", account: str = "x") -> float:
    with pytest.raises(TooMany) as error:
        sut.attempt(address, account)
    assert error.value.retry_after_s is not None
    return error.value.retry_after_s


def test_three_wrong_then_a_wait_that_doubles() -> None:
    sut, clock = limiter()
    for _ in range(3):
        sut.attempt("a", "x")
    assert refused(sut) == 60
    clock.now_s += 59
    assert refused(sut) == 1
    clock.now_s += 1
    sut.attempt("a", "x")
    assert refused(sut) == 120
    assert sut.refused == 3


def test_the_wait_has_an_end() -> None:
    sut, clock = limiter()
    for _ in range(3):
        sut.attempt("a", "x")
    waits = []
    for _ in range(12):
        waits.append(refused(sut))
        clock.now_s += waits[-1]
        sut.attempt("a", "x")
    assert waits == sorted(waits)
    assert waits[-1] == MAX_WAIT_S


def test_being_right_starts_anew() -> None:
    sut, _ = limiter()
    for _ in range(10):
        sut.attempt("a", "x")
        sut.attempt("a", "x")
        sut.succeeded("a", "x")


def test_parallel_guesses_count_before_they_are_checked() -> None:
    sut, _ = limiter()
    allowed = 0
    for _ in range(50):
        try:
            sut.attempt("a", "x")
            allowed += 1
        except TooMany:
            pass
    assert allowed == 3


def test_one_address_that_tries_many_accounts_has_to_wait() -> None:
    sut, _ = limiter()
    for number in range(3 * ADDRESS_FACTOR):
        sut.attempt("a", f"user{number}")
    refused(sut, "a", "fresh")
    sut.attempt("b", "fresh")


def test_many_addresses_that_try_one_account_have_to_wait() -> None:
    sut, _ = limiter()
    for number in range(3 * ACCOUNT_FACTOR):
        sut.attempt(f"address{number}", "Victim")
    refused(sut, "fresh", "victim")
    sut.attempt("fresh", "other")


def test_what_is_remembered_is_bounded_and_counted() -> None:
    sut, _ = limiter(capacity=30)
    for number in range(200):
        sut.attempt(f"address{number}", f"user{number}")
    assert len(sut._counts) <= 30
    assert sut.forgotten > 0
