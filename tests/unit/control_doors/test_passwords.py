"""Password hashing and what a new password must be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from control.auth.passwords import Passwords, check_new, one_time_password
from control.errors import Invalid


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(time_cost=1, memory_kib=64)
    yield made
    made.close()


async def test_the_right_password_is_recognised_and_no_other(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse")
    assert stored.startswith("$argon2id$")
    assert await passwords.verify(stored, "correct horse")
    assert not await passwords.verify(stored, "Correct horse")
    assert not await passwords.verify(None, "correct horse")
    assert not await passwords.verify("not a hash", "correct horse")


async def test_one_password_has_two_hashes(passwords: Passwords) -> None:
    assert await passwords.hash("correct horse") != await passwords.hash("correct horse")


async def test_the_same_letters_of_another_keyboard_are_the_same_password(passwords: Passwords) -> None:
    assert await passwords.verify(await passwords.hash("cora\u00e7\u00e3o azul"), "corac\u0327a\u0303o azul")


async def test_a_hash_of_other_parameters_is_outdated(passwords: Passwords) -> None:
    stronger = Passwords(time_cost=2, memory_kib=64)
    stored = await passwords.hash("correct horse")
    assert not passwords.outdated(stored)
    assert stronger.outdated(stored)
    stronger.close()


def test_the_defaults_are_those_of_rfc_9106_or_more() -> None:
    """Second recommended option of section 4: 64 MiB, three passes."""
    made = Passwords()
    assert (made._hasher.time_cost, made._hasher.memory_cost) == (3, 65536)
    made.close()


@pytest.mark.parametrize("word", ["", "short", "a" * 2000, "abababababab", "ana@loja.example"])
def test_what_is_easy_to_guess_is_refused(word: str) -> None:
    with pytest.raises(Invalid):
        check_new(word, email="ana@loja.example")


def test_one_time_passwords_are_good_new_passwords_and_differ() -> None:
    made = {one_time_password() for _ in range(100)}
    assert len(made) == 100
    for word in made:
        check_new(word)
        assert not set(word) & set("0o1li")
