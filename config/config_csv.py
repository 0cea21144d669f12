"""The ``config.csv`` format (D3) and which setting each of its keys is.

A row is ``key,value``; the value is the rest of the row after the first comma, so it may hold commas (S68). ``#``
begins a comment line, blank lines and a first row ``name,value`` or ``key,value`` are skipped. An empty value leaves
the default of a number, switch or list, and is the empty text for a text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VARIABLE_PREFIX: Final = "param-"  # param-NAME,value makes the variable NAME of every flow

KEYS: Final[dict[str, str]] = {
    # S10
    "whatsapp-voice-response": "channels.whatsapp.voice_response",
    "botmodels-url": "agents.speech.url",
    "botmodels-api-key": "agents.speech.api_key",
    # S30, S33
    "teams-enabled": "channels.teams.enabled",
    "teams-app-id": "channels.teams.app_id",
    "teams-app-password": "channels.teams.app_password",
    "teams-tenant-id": "channels.teams.tenant_id",
    "teams-bot-id": "channels.teams.bot_id",
    "teams-voice-enabled": "channels.teams.voice_enabled",
    "teams-meeting-enabled": "channels.teams.meeting_enabled",
    "teams-service-url": "channels.teams.service_url",
    "teams-notify-url": "channels.teams.notify_url",
    "attendance-default-destination": "control.attendance.default_destination",
    # S32
    "google-chat-enabled": "channels.google_chat.enabled",
    "google-chat-bot-token": "channels.google_chat.bot_token",
    "google-chat-space-id": "channels.google_chat.space_id",
    # S34
    "instagram-enabled": "channels.instagram.enabled",
    "instagram-access-token": "channels.instagram.access_token",
    "instagram-app-secret": "channels.instagram.app_secret",
    "instagram-webhook-verify-token": "channels.instagram.webhook_verify_token",
    # S36
    "livekit-url": "media.rooms.url",
    "livekit-api-key": "media.rooms.api_key",
    "livekit-api-secret": "media.rooms.api_secret",
    "livekit-room-prefix": "media.rooms.room_prefix",
    "livekit-recording-enabled": "media.recording.enabled",
    "livekit-storage-bucket": "media.recording.bucket",
    "livekit-transcription-enabled": "agents.transcription.enabled",
    "transcription-language": "agents.transcription.language",
    # S43
    "sip-enabled": "sip.enabled",
    "sip-trunk-name": "sip.trunk_name",
    "sip-phone-number": "sip.phone_number",
    "sip-inbound-route": "sip.inbound_route",
    "sip-outbound-route": "sip.outbound_route",
    # S50
    "attendance-crm-logging": "control.attendance.crm_logging",
    "attendance-log-fields": "control.attendance.log_fields",
    # S53
    "attendance-email-notify": "control.notifications.email_notify",
    "attendance-email-template": "control.notifications.email_template",
    "attendance-email-recipient": "control.notifications.email_recipient",
    "attendance-email-bcc": "control.notifications.email_bcc",
    # S68
    "crm-enabled": "control.attendance.crm_enabled",
    "attendance-enabled": "control.attendance.enabled",
    "attendance-queue-size": "control.queues.size",
    "attendance-max-wait-seconds": "control.queues.max_wait_seconds",
    "attendance-priority-default": "control.queues.priority_default",
    "attendance-auto-assign": "control.queues.auto_assign",
    "attendance-slack-webhook": "channels.slack.webhook",
    "attendance-whatsapp-commands": "channels.whatsapp.attendant_commands",
    "attendance-telegram-commands": "channels.telegram.attendant_commands",
    "attendance-bypass-mode": "control.attendance.bypass_mode",
    "attendance-auto-transfer": "control.attendance.auto_transfer",
    "attendance-transfer-keywords": "control.attendance.transfer_keywords",
    "attendant-llm-tips": "control.assist.tips",
    "attendant-polish-message": "control.assist.polish",
    "attendant-smart-replies": "control.assist.smart_replies",
    "attendant-auto-summary": "control.assist.auto_summary",
    "attendant-sentiment-analysis": "control.assist.sentiment",
    "attendance-customer-fields": "control.attendance.customer_fields",
    # Further keys of this family (contracts, section 3)
    "auto-transfer-on-frustration": "control.attendance.auto_transfer_on_frustration",
    "auto-transfer-threshold": "control.attendance.auto_transfer_threshold",
    "queue-timeout-minutes": "control.queues.timeout_minutes",
    "queue-notify-interval": "control.queues.notify_interval_minutes",
    "business-hours-start": "control.hours.start",
    "business-hours-end": "control.hours.end",
    "business-days": "control.hours.days",
    "notify-on-vip": "control.notifications.on_vip",
    "notify-on-escalation": "control.notifications.on_escalation",
    "notify-email": "control.notifications.email",
    "lead-score-threshold-hot": "control.sales.lead_score_threshold_hot",
    "lead-score-threshold-warm": "control.sales.lead_score_threshold_warm",
    "follow-up-1-day": "control.sales.follow_up_1_day",
    "follow-up-3-day": "control.sales.follow_up_3_day",
    "follow-up-7-day": "control.sales.follow_up_7_day",
    "collections-enabled": "control.collections.enabled",
    "collections-grace-days": "control.collections.grace_days",
    "bot-system-prompt": "agents.bot.system_prompt",
    "bot-description": "agents.bot.description",
    "whatsapp-api-key": "channels.whatsapp.api_key",
    "whatsapp-phone-number-id": "channels.whatsapp.phone_number_id",
    "whatsapp-verify-token": "channels.whatsapp.verify_token",
    "whatsapp-business-account-id": "channels.whatsapp.business_account_id",
    "whatsapp-api-version": "channels.whatsapp.api_version",
    "sms-provider": "channels.sms.provider",
    "sms-fallback-provider": "channels.sms.fallback_provider",
    "twilio-account-sid": "channels.sms.twilio.account_sid",
    "twilio-auth-token": "channels.sms.twilio.auth_token",
    "twilio-from-number": "channels.sms.twilio.from_number",
    "aws-access-key-id": "channels.sms.aws.access_key_id",
    "aws-secret-access-key": "channels.sms.aws.secret_access_key",
    "aws-region": "channels.sms.aws.region",
    "vonage-api-key": "channels.sms.vonage.api_key",
    "vonage-api-secret": "channels.sms.vonage.api_secret",
    "vonage-from-number": "channels.sms.vonage.from_number",
    "messagebird-api-key": "channels.sms.messagebird.api_key",
    "messagebird-from-number": "channels.sms.messagebird.from_number",
    "sms-custom-url": "channels.sms.custom.url",
    "sms-custom-api-key": "channels.sms.custom.api_key",
    "email-from": "channels.email.sender",
    "email-server": "channels.email.server",
    "email-port": "channels.email.port",
    "email-user": "channels.email.user",
    "email-pass": "channels.email.password",
    "email-read-pixel": "channels.email.read_pixel",
    # Limits of a flow (contracts, section 2A)
    "loop-max-iterations": "agents.dialect.loop_max_iterations",
    "script-max-size": "agents.dialect.script_max_bytes",
}


@dataclass(frozen=True, slots=True)
class Row:
    line: int
    key: str
    value: str


def parse(text: str) -> tuple[list[Row], list[str]]:
    """The rows of a ``config.csv`` and what is wrong with it, one sentence a problem. Knows no setting."""
    rows: list[Row] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        key, comma, value = line.partition(",")
        key, value = key.strip(), _unquoted(value.strip())
        if not rows and (key.lower(), value.lower()) in (("name", "value"), ("key", "value")):
            continue
        if not comma:
            problems.append(f"line {number}: {key!r} has no comma; a row is key,value")
        elif key in seen:
            problems.append(f"line {number}: {key} stands already in line {seen[key]}")
        else:
            seen[key] = number
            rows.append(Row(number, key, value))
    return rows, problems


def _unquoted(value: str) -> str:
    """A value that a spreadsheet put in quotes, without them."""
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return value[1:-1].replace('""', '"')
    return value
