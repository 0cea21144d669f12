"""Whose call it is: source addresses and called numbers to trunks."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import lru_cache

from config.sip import SipSettings, TrunkSettings

from .numbers import normalise

DIRECT = "direct"  # trunk name of calls that no trunk claims


@dataclass(frozen=True, slots=True)
class _Known:
    settings: TrunkSettings
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    numbers: frozenset[str]


class Trunks:
    """The configured trunks. Raises ValueError at once for a source that is no network."""

    def __init__(self, settings: SipSettings) -> None:
        self._allow_direct = settings.allow_direct
        self._country = settings.default_country
        self._known = tuple(
            _Known(
                trunk,
                tuple(ipaddress.ip_network(source, strict=False) for source in trunk.sources),
                frozenset(normalise(number, self._country) for number in trunk.numbers),
            )
            for trunk in settings.trunks
        )
        self._by_name = {known.settings.name: known.settings for known in self._known}
        self._claims = lru_cache(maxsize=4096)(self._claiming)

    def named(self, name: str) -> TrunkSettings | None:
        return self._by_name.get(name)

    def allowed(self, ip: str) -> bool:
        """May this address talk to us at all?"""
        return self._allow_direct or bool(self._claims(ip))

    def of(self, ip: str, called: str) -> TrunkSettings | None:
        """The trunk of a call from *ip* to *called* (E.164); None: nobody's, so ``direct``.

        Several trunks may share a carrier's address: the one that owns the called number wins, else the first.
        """
        claims = self._claims(ip)
        for known in claims:
            if called in known.numbers:
                return known.settings
        return claims[0].settings if claims else None

    def _claiming(self, ip: str) -> tuple[_Known, ...]:
        try:
            address = ipaddress.ip_address(ip)
        except ValueError:
            return ()
        return tuple(known for known in self._known if any(address in network for network in known.networks))
