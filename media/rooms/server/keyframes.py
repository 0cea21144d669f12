"""Where a video stream can be entered: keyframe detection, and VP8 picture ids over a switch (RFC 7741, 6184, 9628)."""

from __future__ import annotations


def starts_keyframe(codec: str, payload: bytes) -> bool:
    """True when a decoder can begin with this packet. Codecs we cannot look into (AV1, encrypted) always may."""
    try:
        if codec == "vp8":
            return _vp8(payload)
        if codec == "h264":
            return _h264(payload)
        if codec == "vp9":
            return _vp9(payload)
    except IndexError:
        return False
    return True


def _vp8(payload: bytes) -> bool:
    at = 1
    if payload[0] & 0x80:
        flags, at = payload[1], 2
        if flags & 0x80:
            at += 2 if payload[2] & 0x80 else 1
        at += bool(flags & 0x40) + bool(flags & 0x30)
    return payload[0] & 0x17 == 0x10 and not payload[at] & 1  # start of partition 0, and P bit 0: a key frame


def _h264(payload: bytes) -> bool:
    kind = payload[0] & 31
    if kind == 24:  # STAP-A: the first unit inside
        return payload[3] & 31 in (5, 7)
    if kind == 28:  # FU-A
        return bool(payload[1] & 0x80) and payload[1] & 31 in (5, 7)
    return kind in (5, 7)


def _vp9(payload: bytes) -> bool:
    return not payload[0] & 0x40 and bool(payload[0] & 0x08)  # not inter-predicted, start of a frame


class Vp8Continuity:
    """Keeps picture id and TL0PICIDX rising when a subscriber is switched from one simulcast layer to another."""

    __slots__ = ("_last_picture", "_last_tl0", "_picture_offset", "_tl0_offset")

    def __init__(self) -> None:
        self._picture_offset = self._tl0_offset = 0
        self._last_picture = self._last_tl0 = -1

    def switched(self, payload: bytes) -> None:
        """*payload* is the first of the new layer: continue one after the last picture sent."""
        picture, tl0 = _vp8_ids(payload)[:2]
        if picture >= 0 and self._last_picture >= 0:
            self._picture_offset = (self._last_picture + 1 - picture) & 0x7FFF
        if tl0 >= 0 and self._last_tl0 >= 0:
            self._tl0_offset = (self._last_tl0 + 1 - tl0) & 0xFF

    def apply(self, payload: bytes) -> bytes:
        picture, tl0, picture_at, tl0_at, wide = _vp8_ids(payload)
        if picture < 0:
            return payload
        mask = 0x7FFF if wide else 0x7F
        picture = (picture + self._picture_offset) & mask
        if self._last_picture < 0 or (picture - self._last_picture) & mask < (mask >> 1):
            self._last_picture = picture
        if tl0 >= 0:
            tl0 = (tl0 + self._tl0_offset) & 0xFF
            self._last_tl0 = tl0
        if not self._picture_offset and not self._tl0_offset:
            return payload
        out = bytearray(payload)
        if wide:
            out[picture_at] = 0x80 | picture >> 8
            out[picture_at + 1] = picture & 0xFF
        else:
            out[picture_at] = picture
        if tl0 >= 0:
            out[tl0_at] = tl0
        return bytes(out)


def _vp8_ids(payload: bytes) -> tuple[int, int, int, int, bool]:
    """Picture id, TL0PICIDX (−1: absent), where they stand, and whether the picture id has 15 bits."""
    if len(payload) < 5 or not payload[0] & 0x80 or not payload[1] & 0x80:
        return -1, -1, 0, 0, False
    wide = bool(payload[2] & 0x80)
    picture = (payload[2] & 0x7F) << 8 | payload[3] if wide else payload[2]
    tl0_at = 4 if wide else 3
    has_tl0 = bool(payload[1] & 0x40)
    return picture, payload[tl0_at] if has_tl0 else -1, 2, tl0_at, wide
