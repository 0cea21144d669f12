"""Connection quality of a participant, from the loss that receiver reports show in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livekit.protocol import models

if TYPE_CHECKING:
    from .participant import Participant

GOOD_LOSS = 0.02
POOR_LOSS = 0.08


def quality_of(participant: Participant) -> models.ConnectionQuality:
    """LOST while its signalling is away, else by the worst loss since the last look."""
    if participant.connection is None:
        return models.ConnectionQuality.LOST
    up = [layer.reception.fraction_lost for t in participant.tracks.values() for layer in t.layers.values()]
    router = participant.negotiation.subscriber.router
    worst = max([router.worst_loss, *up]) / 256
    router.worst_loss = 0
    if worst > POOR_LOSS:
        return models.ConnectionQuality.POOR
    return models.ConnectionQuality.GOOD if worst > GOOD_LOSS else models.ConnectionQuality.EXCELLENT
