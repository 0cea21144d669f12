"""Who may talk to us: the networks of the trunks, or anybody when direct calls are allowed."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache


class AccessList:
    """Networks as text (``203.0.113.0/24``, ``198.51.100.7``). Raises ValueError for what is no network."""

    def __init__(self, networks: Iterable[str], *, open_to_all: bool) -> None:
        self._networks = tuple(ipaddress.ip_network(network, strict=False) for network in networks)
        self._open = open_to_all
        self._known = lru_cache(maxsize=4096)(self._in_a_network)
        self.refused = 0

    def allows(self, ip: str) -> bool:
        if self._open or self._known(ip):
            return True
        self.refused += 1
        return False

    def _in_a_network(self, ip: str) -> bool:
        try:
            address = ipaddress.ip_address(ip)
        except ValueError:
            return False
        return any(address in network for network in self._networks)
