"""Telephone numbers: E.164 where it is a number, the network's own text where it is not (``anonymous``, ``1001``)."""

from __future__ import annotations

import phonenumbers

REGION = "BR"  # how a number without country code is read
_BRAZIL = "+55"


def normalise_phone(raw: str | None, region: str = REGION) -> str | None:
    """*raw* as E.164; the trimmed text when it is no possible number; None when there is nothing.

    A SIP address gives its user part: ``sip:+5511999990001@host`` is ``+5511999990001``.
    """
    text = (raw or "").strip()
    if text.lower().startswith(("sip:", "sips:", "tel:")):
        text = text.partition(":")[2].partition("@")[0].partition(";")[0]
    if not text:
        return None
    digits = "".join(c for c in text if c.isdigit())
    # Networks leave the plus away: 5511999990001 is a full Brazilian number, not a local one.
    spelt = [text, f"+{digits}"] if digits.startswith("55") and len(digits) in (12, 13) else [text]
    for candidate in reversed(spelt):
        try:
            number = phonenumbers.parse(candidate, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return text


def phone_spellings(raw: str | None, region: str = REGION) -> list[str]:
    """Every form the same number may stand under: Brazilian mobiles are known with and without their ninth digit."""
    number = normalise_phone(raw, region)
    if number is None:
        return []
    found = [number]
    if number.startswith(_BRAZIL):
        area, local = number[3:5], number[5:]
        if len(local) == 9 and local[0] == "9":
            found.append(f"{_BRAZIL}{area}{local[1:]}")
        elif len(local) == 8 and local[0] in "6789":
            found.append(f"{_BRAZIL}{area}9{local}")
    return found
