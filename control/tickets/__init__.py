"""Tickets (S84–S87, D5): made when a conversation is resolved or by hand; numbers per organisation without gaps."""

from .actions import Tickets, reopen_ticket, resolve_ticket
from .shapes import public_ticket
from .wrap_up import WRAP_UP_CODES, WrapUp, seed_wrap_up_codes, wrap_up

__all__ = [
    "WRAP_UP_CODES",
    "Tickets",
    "WrapUp",
    "public_ticket",
    "reopen_ticket",
    "resolve_ticket",
    "seed_wrap_up_codes",
    "wrap_up",
]
