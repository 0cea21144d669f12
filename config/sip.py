"""Settings of the SIP gateway: the edge, the pool of workers, trunks."""

from __future__ import annotations

from pydantic import Field

from .section import Secret, Section


class TrunkSettings(Section):
    """A peer that sends or takes calls (S42, S43)."""

    name: str
    sources: tuple[str, ...] = ()  # networks whose requests are this trunk's ("203.0.113.0/24")
    host: str = ""  # where outbound calls go
    port: int = Field(5060, ge=1, le=65535)
    transport: str = Field("udp", pattern="^(udp|tcp|tls)$")
    username: str = ""
    password: Secret = Secret("")
    numbers: tuple[str, ...] = ()  # E.164 numbers that arrive here


class SipSettings(Section):
    """Edge and pool. Calls from addresses that no trunk claims are taken as trunk ``direct`` when ``allow_direct``."""

    enabled: bool = True
    bind_ip: str = "127.0.0.1"  # public side of the edge
    port: int = Field(5060, ge=0, le=65535)  # UDP and TCP; 0 picks a free one
    tls_port: int = Field(0, ge=0, le=65535)  # 0: no TLS
    tls_certificate: str = ""
    tls_key: str = ""
    announced_ip: str = ""  # address in SDP and Contact when it differs from bind_ip
    rtp_ports: tuple[int, int] = (20000, 20999)
    allow_direct: bool = True
    trunks: tuple[TrunkSettings, ...] = ()
    workers_min: int = Field(2, ge=1)  # kept ready; a worker takes at most 4 calls, the compiled limit of the wheel
    workers_max: int = Field(34, ge=1)
    spare_slots: int = Field(4, ge=0)  # the pool grows when fewer call slots than this are free
    calls_per_worker: int = Field(3, ge=1, le=4)
    answer_timeout_s: float = Field(10.0, gt=0)  # control did not decide within this: 503
    max_message_bytes: int = Field(65535, ge=1024)
    invites_per_second: float = Field(50.0, gt=0)  # per source address; beyond it 503 with Retry-After
    default_country: str = Field("BR", min_length=2, max_length=2)
