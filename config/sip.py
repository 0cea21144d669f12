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
    max_calls: int = Field(0, ge=0)  # inbound calls at once; 0: only the pool's limit
    full_status: int = Field(503, ge=400, le=699)  # answer to an INVITE past a limit; 503 comes with Retry-After


class SipSettings(Section):
    """Edge and pool. Calls from addresses that no trunk claims are taken as trunk ``direct`` when ``allow_direct``."""

    enabled: bool = True
    bind_ip: str = "127.0.0.1"  # public side of the edge
    port: int = Field(5060, ge=0, le=65535)  # UDP and TCP; 0 picks a free one
    tls_port: int = Field(0, ge=0, le=65535)  # 0: no TLS
    tls_certificate: str = ""
    tls_key: str = ""
    tls_ca: str = ""  # authorities that peers we connect to are checked against; empty: the system's
    announced_ip: str = ""  # address in SDP and Contact when it differs from bind_ip
    rtp_ports: tuple[int, int] = (20000, 20999)
    allow_direct: bool = True
    trunks: tuple[TrunkSettings, ...] = ()
    trunk_name: str = ""  # S43: the one trunk of a config.csv, in short; more than one: the list above
    phone_number: str = ""  # S43: its number, E.164
    inbound_route: str = ""  # S43: flow that answers calls of this number; empty: start.bas
    outbound_route: str = ""  # S43: where calls go out, host or host:port
    workers_min: int = Field(2, ge=1)  # kept ready; a worker takes at most 4 calls, the compiled limit of the wheel
    workers_max: int = Field(26, ge=1)
    spare_slots: int = Field(6, ge=0)  # the pool grows when fewer call slots than this are free
    worker_idle_s: float = Field(60.0, gt=0)  # a worker beyond the minimum that took no call for this long is stopped
    calls_per_worker: int = Field(4, ge=1, le=4)
    answer_timeout_s: float = Field(10.0, gt=0)  # control did not decide within this: 503
    media_lost_wav: str = ""  # sentence a caller hears while no media process serves the call; empty: a soft tone
    max_message_bytes: int = Field(65535, ge=1024)
    max_connections: int = Field(512, ge=1)  # TCP and TLS at once; more are closed at once
    invites_per_second: float = Field(50.0, gt=0)  # per source address; beyond it 503 with Retry-After
    requests_per_second: float = Field(500.0, gt=0)  # per source address, any method; beyond it dropped
    session_expires_s: int = Field(1800, ge=90)  # session timer (RFC 4028)
    default_country: str = Field("BR", min_length=2, max_length=2)
