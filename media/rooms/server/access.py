"""Tokens to grants: LiveKit's JWT (HS256, ``iss`` is the API key, ``sub`` the identity, claim ``video`` the grants)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jwt
from livekit.protocol import models

from .errors import BadToken

LEEWAY_S = 10
REFRESHED_FOR_S = 600
_KINDS = {
    "ingress": models.ParticipantInfo.Kind.INGRESS,
    "egress": models.ParticipantInfo.Kind.EGRESS,
    "sip": models.ParticipantInfo.Kind.SIP,
    "agent": models.ParticipantInfo.Kind.AGENT,
}


@dataclass(frozen=True, slots=True)
class Permission:
    """What a participant may do in its room; the server API changes it in mid-call."""

    can_publish: bool = True
    can_subscribe: bool = True
    can_publish_data: bool = True
    can_publish_sources: frozenset[int] = frozenset()  # TrackSource values; empty: all
    can_update_metadata: bool = False
    hidden: bool = False
    recorder: bool = False
    agent: bool = False

    def may_publish(self, source: int) -> bool:
        return self.can_publish and (not self.can_publish_sources or source in self.can_publish_sources)

    def to_proto(self) -> models.ParticipantPermission:
        return models.ParticipantPermission(
            can_subscribe=self.can_subscribe,
            can_publish=self.can_publish,
            can_publish_data=self.can_publish_data,
            can_publish_sources=sorted(self.can_publish_sources),  # type: ignore[arg-type]
            hidden=self.hidden,
            recorder=self.recorder,
            can_update_metadata=self.can_update_metadata,
            agent=self.agent,
        )

    def changed_by(self, wanted: models.ParticipantPermission) -> Permission:
        return replace(
            self,
            can_publish=wanted.can_publish,
            can_subscribe=wanted.can_subscribe,
            can_publish_data=wanted.can_publish_data,
            can_publish_sources=frozenset(wanted.can_publish_sources),
            can_update_metadata=wanted.can_update_metadata,
            hidden=wanted.hidden,
            recorder=wanted.recorder or self.recorder,
            agent=wanted.agent or self.agent,
        )


@dataclass(frozen=True, slots=True)
class Grants:
    """A verified token."""

    identity: str
    name: str
    metadata: str
    attributes: Mapping[str, str]
    kind: int
    room: str
    room_join: bool
    room_create: bool
    room_list: bool
    room_admin: bool
    permission: Permission
    claims: Mapping[str, Any] = field(repr=False, default_factory=dict)


class TokenVerifier:
    """Checks signatures with the one API key this server has, and signs the refreshed tokens it hands out."""

    def __init__(self, api_key: str, api_secret: str) -> None:
        if not api_key or not api_secret:
            raise ValueError("the rooms server needs an API key and an API secret")
        self._key = api_key
        self._secret = api_secret

    def verify(self, token: str) -> Grants:
        """Read *token*.

        Raises:
            BadToken: missing, malformed, not signed by this key, or outside its time.
        """
        if not token:
            raise BadToken("no token")
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=["HS256"],
                issuer=self._key,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss"], "verify_sub": False, "verify_aud": False},
            )
            return _grants(claims)
        except (jwt.InvalidTokenError, TypeError, ValueError, AttributeError) as error:
            raise BadToken(str(error)) from error

    def refresh(self, grants: Grants, *, name: str, metadata: str, attributes: Mapping[str, str]) -> str:
        """A token of the same grants, valid for ten more minutes, for a client that has to reconnect later."""
        now = int(time.time())
        claims = {**grants.claims, "iss": self._key, "sub": grants.identity, "nbf": now - 60}
        claims |= {"exp": now + REFRESHED_FOR_S, "name": name, "metadata": metadata, "attributes": dict(attributes)}
        return jwt.encode(claims, self._secret, algorithm="HS256")


def _grants(claims: Mapping[str, Any]) -> Grants:
    video = claims.get("video") or {}
    can_publish = _flag(video, "canPublish", True)
    sources = frozenset(
        models.TrackSource.Value(str(name).upper()) for name in video.get("canPublishSources") or ()
    )  # an unknown name is a ValueError, so a bad token
    attributes = claims.get("attributes") or {}
    return Grants(
        identity=str(claims.get("sub") or ""),
        name=str(claims.get("name") or ""),
        metadata=str(claims.get("metadata") or ""),
        attributes={str(key): str(value) for key, value in attributes.items()},
        kind=_KINDS.get(str(claims.get("kind") or "").lower(), models.ParticipantInfo.Kind.STANDARD),
        room=str(video.get("room") or ""),
        room_join=_flag(video, "roomJoin", False),
        room_create=_flag(video, "roomCreate", False),
        room_list=_flag(video, "roomList", False),
        room_admin=_flag(video, "roomAdmin", False),
        permission=Permission(
            can_publish=can_publish,
            can_subscribe=_flag(video, "canSubscribe", True),
            can_publish_data=_flag(video, "canPublishData", can_publish),
            can_publish_sources=sources,
            can_update_metadata=_flag(video, "canUpdateOwnMetadata", False),
            hidden=_flag(video, "hidden", False),
            recorder=_flag(video, "recorder", False),
            agent=_flag(video, "agent", False),
        ),
        claims=claims,
    )


def _flag(video: Mapping[str, Any], name: str, default: bool) -> bool:
    value = video.get(name)
    return default if value is None else value is True
