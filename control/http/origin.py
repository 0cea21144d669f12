"""Where a request comes from: the client's address, whether it spoke https, whether a page of ours sent it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohttp import web

from .deps import DEPS, Deps, Network


def is_https(request: web.Request) -> bool:
    """Whether the browser spoke https: to us, or to a proxy that may say so."""
    deps = request.app[DEPS]
    if request.secure or deps.settings.public_url.startswith("https://"):
        return True
    return _trusted(request, deps) and request.headers.get("X-Forwarded-Proto", "").lower() == "https"


def client_address(request: web.Request) -> str:
    """Who asks: the peer, or what a trusted proxy says of it (the last address that is no trusted proxy's)."""
    deps = request.app[DEPS]
    peer = request.remote or ""
    if not _trusted(request, deps):
        return peer
    for hop in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
        hop = hop.strip()
        if hop and not _within(hop, deps.trusted_proxies):
            return hop
    return peer


def same_origin(request: web.Request) -> bool:
    """The page that sent this is ours, or no browser sent it at all (then there is no ``Origin``)."""
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")
    there = urlsplit(origin)
    public = urlsplit(request.app[DEPS].settings.public_url)
    if public.netloc and (there.scheme, there.netloc.lower()) == (public.scheme, public.netloc.lower()):
        return True
    return there.scheme in ("http", "https") and there.netloc.lower() == request.host.lower()


def is_this_machine(request: web.Request) -> bool:
    """The request was made on this machine and no proxy passed it on."""
    try:
        local = ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False
    return local and "X-Forwarded-For" not in request.headers and "Forwarded" not in request.headers


def _trusted(request: web.Request, deps: Deps) -> bool:
    return _within(request.remote or "", deps.trusted_proxies)


def _within(address: str, networks: Sequence[Network]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in networks if network.version == ip.version)
