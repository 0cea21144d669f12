"""The library's start, the same for workers and phones.

The null device is required: its clock drives the conference bridge, and without it no RTP flows. 16 kHz inside is what
the rest of the house speaks; for G.711 it means resampling both ways here (docs/decisions/0011-cpu-per-call.md).
"""

from __future__ import annotations

import os
from typing import Final

import pjsua2 as pj

from media.frames import FRAME_MS, RATE_HZ

CODECS: Final = {"PCMA/8000": 254, "PCMU/8000": 253, "G722/16000": 252}  # priority; every other codec is switched off
MEDIA_PORTS: Final = 24


def quiet_stdout() -> None:
    """Send what pjlib prints before its log level is set to stderr: stdout belongs to the owner's one JSON line."""
    os.dup2(2, 1)


def start(user_agent: str, *, bind_ip: str, max_calls: int = 4) -> tuple[pj.Endpoint, int]:
    """Initialise and start pjsua2 with one UDP transport. Returns the endpoint and its SIP port.

    Raises:
        pj.Error: the address cannot be bound.
    """
    endpoint = pj.Endpoint()
    null = os.open(os.devnull, os.O_WRONLY)
    kept = os.dup(1)
    os.dup2(null, 1)  # libCreate prints before any log level can be set
    try:
        endpoint.libCreate()
        config = pj.EpConfig()
        config.logConfig.level = config.logConfig.consoleLevel = 0
        config.logConfig.msgLogging = 0
        agent = config.uaConfig
        agent.maxCalls, agent.threadCnt = max_calls, 0
        agent.userAgent = user_agent
        media = config.medConfig
        media.clockRate = media.sndClockRate = RATE_HZ
        media.audioFramePtime = FRAME_MS
        media.maxMediaPorts = MEDIA_PORTS
        media.noVad, media.ecTailLen, media.threadCnt, media.quality = True, 0, 1, 3
        media.sndAutoCloseTime = -1  # the clock's thread is one and stays: see audio_port
        endpoint.libInit(config)
        endpoint.audDevManager().setNullDev()
        wanted = pj.TransportConfig()
        wanted.port, wanted.boundAddress = 0, bind_ip
        transport = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, wanted)
        endpoint.libStart()
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(null)
    for codec in endpoint.codecEnum2():
        endpoint.codecSetPriority(codec.codecId, CODECS.get(codec.codecId.rsplit("/", 1)[0], 0))
    port = int(endpoint.transportGetInfo(transport).localName.rsplit(":", 1)[1])
    return endpoint, port


def plain_account(config: pj.AccountConfig) -> None:
    """Switch off what a user agent behind an edge, or on loopback, must not do by itself."""
    nat = config.natConfig
    nat.contactRewriteUse = nat.viaRewriteUse = nat.sipOutboundUse = nat.udpKaIntervalSec = 0
    config.mediaConfig.srtpSecureSignaling = 0
