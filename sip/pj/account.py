"""Where a worker's calls arrive, and the accounts its outbound calls leave from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

import pjsua2 as pj

from .endpoint import plain_account


class TrunkLogin(TypedDict):
    username: str
    password: str


class WorkerOptions(TypedDict):
    """What a worker is told at its start; plain values, since they cross a process boundary."""

    index: int
    edge: str  # ip:port of the edge's inner socket
    public: str  # ip:port that peers know
    media_ip: str  # address announced in SDP
    bind_ip: str  # address RTP is bound to
    rtp_port: int
    rtp_span: int
    session_expires_s: int
    media_lost_wav: str
    logins: dict[str, TrunkLogin]


class Account(pj.Account):  # type: ignore[misc]
    """Hands each arriving call to *on_call(account, call id, whole INVITE)*."""

    def __init__(self, on_call: Callable[[Account, int, str], None]) -> None:
        super().__init__()
        self._on_call = on_call

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        self._on_call(self, prm.callId, prm.rdata.wholeMsg)


def account_config(options: WorkerOptions, login: TrunkLogin | None = None) -> pj.AccountConfig:
    """A worker's account: everything goes out through the edge, and peers come back to the edge's public address."""
    config = pj.AccountConfig()
    plain_account(config)
    user = login["username"] if login and login["username"] else "attendance"
    config.idUri = f"sip:{user}@{options['public']}"
    config.sipConfig.contactForced = f"<sip:{user}@{options['public']};w={options['index']}>"
    config.sipConfig.proxies.append(f"sip:{options['edge']};lr")
    if login and login["username"]:
        config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", login["username"], 0, login["password"]))
    transport = config.mediaConfig.transportConfig
    transport.port, transport.portRange = options["rtp_port"], options["rtp_span"]
    transport.boundAddress, transport.publicAddress = options["bind_ip"], options["media_ip"]
    config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
    config.callConfig.timerSessExpiresSec = options["session_expires_s"]
    return config
