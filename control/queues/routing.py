"""Whom to ask for a waiting conversation, and how long the wait may be. Pure: rows in, a decision out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

VOICE = "voice"
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An attendant who is online and whom nothing rings at."""

    user_id: UUID
    channels: Sequence[str]  # all, or the channels they serve (S63)
    preferences: str | None
    active: int  # conversations in their hands
    voice: int  # of these, calls
    max_conversations: int
    priority: int  # of the membership (S18): smaller is asked earlier
    last_offer_at: datetime | None


def choose(
    candidates: Iterable[Candidate], *, channel: str, topic: str | None = None, wanted: UUID | None = None
) -> Candidate | None:
    """S67: channel, (online is given,) the one asked for by name, then a preference for the topic, then the least
    loaded; among equals by membership, then whoever was asked longest ago (round-robin, S21).

    One voice at a time: whoever has a call is not asked for another.
    """
    able = [
        candidate
        for candidate in candidates
        if ("all" in candidate.channels or channel in candidate.channels)
        and candidate.active < candidate.max_conversations
        and not (channel == VOICE and candidate.voice)
    ]
    return min(
        able,
        key=lambda candidate: (
            candidate.user_id != wanted,
            topic is None or candidate.preferences != topic,
            candidate.active,
            candidate.priority,
            candidate.last_offer_at or _NEVER,
            candidate.user_id,
        ),
        default=None,
    )


def estimated_wait_s(*, position: int, attendants: int, free: int, mean_handle_s: float | None, ring_s: float) -> int:
    """Seconds until the *position*-th (from 1) is served: at once while somebody is free, else by turns of the mean
    handling time. Without history a turn is taken for 3 minutes; with nobody online it is reckoned as for one."""
    if position <= free:
        return round(ring_s / 2)
    turn_s = mean_handle_s if mean_handle_s is not None else 180.0
    return round((position - free) * turn_s / max(attendants, 1))
