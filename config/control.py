"""Settings of the control plane: HTTP, database, queues."""

from __future__ import annotations

from pydantic import Field

from .section import Secret, Section


class DatabaseSettings(Section):
    url: Secret = Secret("")  # postgresql://…; empty: the embedded server in the state directory
    port: int = Field(0, ge=0, le=65535)  # embedded server only: loopback port, 0 picks a free one
    pool_size: int = Field(10, ge=1)


class HttpSettings(Section):
    bind_ip: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    public_url: str = ""  # what browsers use, when a proxy stands in front
    session_hours: float = Field(12.0, gt=0)
    max_body_bytes: int = Field(1_048_576, ge=1024)


class QueueSettings(Section):
    """Defaults of a new queue (S17, S68) and how calls are offered."""

    name: str = "Atendimento"  # the queue that exists from the first start
    ring_s: float = Field(20.0, gt=0)  # an offer nobody takes expires after this
    announce_s: float = Field(20.0, gt=0)  # position is told to a waiting caller at this interval
    max_wait_seconds: int = Field(600, ge=1)
    size: int = Field(50, ge=1)
    wrap_up_s: float = Field(0.0, ge=0)  # pause after a resolved conversation before the next offer


class ControlSettings(Section):
    database: DatabaseSettings = DatabaseSettings()
    http: HttpSettings = HttpSettings()
    queues: QueueSettings = QueueSettings()
    organisation: str = "Minha empresa"  # name of the organisation made on first start
    link: str = ""  # where call hosts connect: unix:///path or tcp://host:port; empty: a socket in the state directory
    link_token: Secret = Secret("")  # empty: made on first start and kept in the state directory
