"""Settings of the control plane: HTTP, database, queues."""

from __future__ import annotations

from typing import Literal

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
    trusted_proxies: tuple[str, ...] = ()  # networks whose X-Forwarded-For and -Proto are believed ("10.0.0.0/8")
    metrics_token: Secret = Secret("")  # bearer token of /metrics; empty: this machine's own addresses only
    sign_in_attempts: int = Field(5, ge=1)  # failures in a row before an account or address has to wait
    sign_in_wait_s: float = Field(60.0, gt=0)  # the wait after that; doubles with each further failure, at most 1 h


class QueueSettings(Section):
    """Defaults of a new queue (S17, S68) and how calls are offered."""

    name: str = "Atendimento"  # the queue that exists from the first start
    ring_s: float = Field(20.0, gt=0)  # an offer nobody takes expires after this
    announce_s: float = Field(20.0, gt=0)  # position is told to a waiting caller at this interval
    max_wait_seconds: int = Field(600, ge=1)
    size: int = Field(50, ge=1)
    wrap_up_s: float = Field(0.0, ge=0)  # pause after a resolved conversation before the next offer
    priority_default: Literal["low", "normal", "high", "urgent"] = "normal"  # of a conversation that names none (S66)
    auto_assign: bool = True  # offer conversations by themselves; false: attendants take them from the list
    timeout_minutes: int = Field(30, ge=1)  # a conversation that waited longer is reported to the supervisor
    notify_interval_minutes: int = Field(5, ge=1)  # how often a waiting text customer is told the position


class AttendanceSettings(Section):
    """When a conversation goes to a person, and what is kept of it (S3, S28, S50, S68)."""

    enabled: bool = True  # attendance-enabled
    crm_enabled: bool = True  # crm-enabled: human attendance as a whole; false: the bot alone answers
    default_destination: Literal["console", "teams", "whatsapp", "google-chat"] = "console"  # where people work (S3)
    bypass_mode: bool = False  # no bot: every message goes to a person (S28, D2)
    auto_transfer: bool = False  # transfer when a keyword is heard or read, whatever the flow does
    transfer_keywords: tuple[str, ...] = ("human", "atendente", "pessoa", "atendimento", "falar com")  # D1
    auto_transfer_on_frustration: bool = True
    auto_transfer_threshold: int = Field(3, ge=1)  # failed attempts of the bot before it gives way
    crm_logging: bool = True
    log_fields: tuple[str, ...] = (
        "session_id",
        "customer_id",
        "attendant_id",
        "start_time",
        "end_time",
        "sentiment",
    )  # what the attendance log keeps (S50)
    customer_fields: tuple[str, ...] = ("name", "email", "phone", "tier", "ltv")  # what an attendant sees of a customer


class AssistSettings(Section):
    """Help of a language model to the attendant (S61, S68)."""

    tips: bool = True
    polish: bool = True
    smart_replies: bool = True
    auto_summary: bool = True
    sentiment: bool = True


class NotificationSettings(Section):
    """Notices by e-mail (S53, S54)."""

    email_notify: bool = False  # D2
    email_template: str = "attendant-response"
    email_recipient: str = "attendant"  # "attendant" or an address
    email_bcc: str = ""
    on_vip: bool = False
    on_escalation: bool = False
    email: str = ""  # notify-email: who hears of VIP customers and escalations


class HoursSettings(Section):
    """Business hours. Empty: always open."""

    start: str = Field("", pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^$")  # "09:00"
    end: str = Field("", pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^$")  # "18:00"
    days: str = Field("", pattern=r"^[1-7](-[1-7])?(,[1-7](-[1-7])?)*$|^$")  # "1-5": Monday to Friday


class SalesSettings(Section):
    """Lead scores and follow-ups."""

    lead_score_threshold_hot: int = Field(70, ge=0, le=100)
    lead_score_threshold_warm: int = Field(50, ge=0, le=100)
    follow_up_1_day: str = ""  # template sent a day after the contact; empty: none
    follow_up_3_day: str = ""
    follow_up_7_day: str = ""


class CollectionsSettings(Section):
    """The collections ladder."""

    enabled: bool = False
    grace_days: int = Field(3, ge=0)


class ControlSettings(Section):
    database: DatabaseSettings = DatabaseSettings()
    http: HttpSettings = HttpSettings()
    queues: QueueSettings = QueueSettings()
    attendance: AttendanceSettings = AttendanceSettings()
    assist: AssistSettings = AssistSettings()
    notifications: NotificationSettings = NotificationSettings()
    hours: HoursSettings = HoursSettings()
    sales: SalesSettings = SalesSettings()
    collections: CollectionsSettings = CollectionsSettings()
    organisation: str = "Minha empresa"  # name of the organisation made on first start
    link: str = ""  # where call hosts connect: unix:///path or tcp://host:port; empty: a socket in the state directory
    link_token: Secret = Secret("")  # empty: made on first start and kept in the state directory
