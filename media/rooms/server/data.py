"""Data packets: reliable and lossy, to all or to named participants, never back to the sender."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError
from livekit.protocol import models

from .counters import Counters
from .transport.sctp import LOSSY, RELIABLE

if TYPE_CHECKING:
    from .participant import Participant
    from .room import Room


class DataRelay:
    """The data side of one room."""

    def __init__(self, room: Room, counters: Counters) -> None:
        self._room = room
        self._counters = counters

    def relay(self, sender: Participant, label: str, message: bytes) -> None:
        """Stamp a client's packet with its sender and pass it on. Malformed, forbidden, repeated: dropped, counted."""
        if label not in (RELIABLE, LOSSY):
            self._counters["data_unknown_channel"] += 1
            return
        if not sender.permission.can_publish_data:
            self._counters["data_forbidden"] += 1
            return
        try:
            packet = models.DataPacket.FromString(message)
        except DecodeError:
            self._counters["data_malformed"] += 1
            return
        if label == RELIABLE and packet.sequence:
            if packet.sequence <= sender.last_reliable:  # sent again after a resume
                self._counters["data_repeated"] += 1
                return
            sender.last_reliable = packet.sequence
        packet.participant_identity, packet.participant_sid = sender.identity, sender.sid
        if packet.WhichOneof("value") == "user":
            packet.user.participant_identity, packet.user.participant_sid = sender.identity, sender.sid
        self.deliver(packet, label, sender)

    def deliver(self, packet: models.DataPacket, label: str, sender: Participant | None = None) -> None:
        """Send *packet* to those it names (identities, or sids as older clients do), or to all but *sender*."""
        identities, sids = set(packet.destination_identities), set[str]()
        if packet.WhichOneof("value") == "user":
            identities |= set(packet.user.destination_identities)
            sids |= set(packet.user.destination_sids)
        raw = packet.SerializeToString()
        for participant in list(self._room.participants.values()):
            if participant is sender:
                continue
            if (identities or sids) and participant.identity not in identities and participant.sid not in sids:
                continue
            self._counters["data_relayed"] += 1
            if not participant.negotiation.subscriber.peer.send_message(label, raw):
                # A reliable message cannot be lost silently: the client starts over.
                self._room.house.later(self._room.remove, participant, models.DisconnectReason.STATE_MISMATCH, True)
