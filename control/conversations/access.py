"""Lock a conversation or a call to change it: the one place that says who finds what.

The order of locks is the same everywhere, so that two actions never wait for each other: the conversation first, then
its call, offers, the attendant's presence, counters, and the event log last (``Tx`` does that at commit).
"""

from __future__ import annotations

from uuid import UUID

from ..db import Row, Tx, load_sql
from ..errors import NotFound

sql = load_sql("control.conversations")


async def lock_conversation(tx: Tx, organisation_id: UUID, session_id: UUID) -> Row:
    """The conversation's row, ours until the end of the transaction.

    Raises:
        NotFound: there is none, or it belongs to another organisation (D15).
    """
    row = await tx.row(sql.lock, organisation_id=organisation_id, id=session_id)
    if row is None:
        raise NotFound(f"no conversation {session_id}")
    return row


async def lock_call(tx: Tx, organisation_id: UUID, call_id: UUID) -> tuple[Row, Row]:
    """The call's conversation and the call, both locked, in that order.

    Raises:
        NotFound: see ``lock_conversation``.
    """
    call = await tx.row(sql.call, organisation_id=organisation_id, id=call_id)
    if call is None:
        raise NotFound(f"no call {call_id}")
    conversation = await lock_conversation(tx, organisation_id, call["conversation_id"])
    return conversation, await tx.one(sql.lock_call, organisation_id=organisation_id, id=call_id)
