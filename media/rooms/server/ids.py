"""Server-made ids with the prefixes that clients parse (RM_, PA_, TR_, ND_)."""

from __future__ import annotations

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def new_sid(prefix: str) -> str:
    """``PREFIX_`` and 12 random letters or digits (71 bits)."""
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(12))
