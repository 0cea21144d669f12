"""Conversations: one customer, one matter, whatever the channel; its timeline, calls and recordings.

    states.py   what a conversation and a call may become, as tables
    access.py   lock a row to change it, in one place
    actions.py  check and lock, write, tell
    shapes.py   what clients see

``Conversations`` is what doors use; the functions that take a ``Tx`` first are for the domains above.
"""

from .access import lock_conversation
from .actions import Conversations, Opened
from .shapes import public_call, public_entry, public_item, public_recording
from .states import CallEvent, CallState, ConversationEvent, Status, next_call_state, next_status
from .writing import (
    conversation_closed,
    item_of,
    merge_context,
    move,
    note_event,
    offer_settled,
    queue_update,
    settle_offers,
    write_entry,
)

__all__ = [
    "CallEvent",
    "CallState",
    "ConversationEvent",
    "Conversations",
    "Opened",
    "Status",
    "conversation_closed",
    "item_of",
    "lock_conversation",
    "merge_context",
    "move",
    "next_call_state",
    "next_status",
    "note_event",
    "offer_settled",
    "public_call",
    "public_entry",
    "public_item",
    "public_recording",
    "queue_update",
    "settle_offers",
    "write_entry",
]
