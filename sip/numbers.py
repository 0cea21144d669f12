"""Telephone numbers: E.164 from what trunks send and people write.

What cannot be read as a number of the default country (an extension, a name) is left as it came: a gateway that
guesses loses calls. Numbers are compared only after going through here.
"""

from __future__ import annotations

import re
from typing import Final

import phonenumbers

SEPARATORS: Final = re.compile(r"[\s().\-/]")
ANONYMOUS: Final = frozenset({"anonymous", "unavailable", "restricted", "private", "unknown", "asserted"})


def normalise(text: str, country: str) -> str:
    """*text* as E.164 (``+5511999999999``) where it is a possible number, else *text* without separators.

    *country* is the ISO 3166 code that a number without ``+`` or ``00`` belongs to. ``""`` stays ``""``.
    """
    bare = SEPARATORS.sub("", text.strip())
    if not bare or not re.fullmatch(r"\+?[0-9]{3,20}", bare):
        return text.strip()
    candidates = [bare] if bare.startswith("+") else [bare, "+" + bare]
    if bare.startswith("00"):
        candidates = ["+" + bare[2:], bare]
    for candidate in candidates:
        try:
            number = phonenumbers.parse(candidate, country)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return bare


def is_anonymous(user: str, host: str) -> bool:
    """Did the caller withhold the number (RFC 3323 section 4.1.1.3)?"""
    return user.lower() in ANONYMOUS or host.lower().endswith("anonymous.invalid") or not user


def same_number(one: str, other: str, country: str) -> bool:
    return bool(one) and normalise(one, country) == normalise(other, country)
