"""Settings of the text and messaging channels (S10, S30–S34, S68 and the family's further keys)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .section import Secret, Section

SmsProvider = Literal["twilio", "aws", "vonage", "messagebird", "custom"]


class WhatsAppSettings(Section):
    """WhatsApp Business (S2.1)."""

    enabled: bool = False
    api_key: Secret = Secret("")  # whatsapp-api-key
    phone_number_id: str = ""
    business_account_id: str = ""
    verify_token: Secret = Secret("")  # what the platform repeats when it checks the webhook
    api_version: str = "v17.0"
    voice_response: bool = True  # answer a voice message by voice (S10)
    attendant_commands: bool = True  # attendants may work from WhatsApp with /fila, /pegar … (S68)


class TelegramSettings(Section):
    """Telegram (S2.2)."""

    attendant_commands: bool = True  # attendants may work from Telegram with /queue, /resolve … (S68)


class InstagramSettings(Section):
    """Instagram Direct (S34)."""

    enabled: bool = False
    access_token: Secret = Secret("")
    app_secret: Secret = Secret("")
    webhook_verify_token: Secret = Secret("")


class TeamsSettings(Section):
    """Microsoft Teams as a channel and as a human destination (S30, S33)."""

    enabled: bool = False
    app_id: str = ""
    app_password: Secret = Secret("")
    tenant_id: str = ""
    bot_id: str = ""
    voice_enabled: bool = False
    meeting_enabled: bool = False
    service_url: str = ""
    notify_url: Secret = Secret("")  # incoming webhook for notices to a team; whoever knows it may post


class GoogleChatSettings(Section):
    """Google Chat as a human destination (S32)."""

    enabled: bool = False
    bot_token: Secret = Secret("")
    space_id: str = ""


class SlackSettings(Section):
    """Slack notices (S68)."""

    webhook: Secret = Secret("")  # attendance-slack-webhook; whoever knows it may post


class TwilioSettings(Section):
    account_sid: str = ""
    auth_token: Secret = Secret("")
    from_number: str = ""


class AwsSettings(Section):
    access_key_id: str = ""
    secret_access_key: Secret = Secret("")
    region: str = ""


class VonageSettings(Section):
    api_key: str = ""
    api_secret: Secret = Secret("")
    from_number: str = ""


class MessageBirdSettings(Section):
    api_key: Secret = Secret("")
    from_number: str = ""


class CustomSmsSettings(Section):
    url: str = ""
    api_key: Secret = Secret("")


class SmsSettings(Section):
    """SMS (S2.3, S27)."""

    provider: SmsProvider | None = None  # none: no SMS
    fallback_provider: SmsProvider | None = None  # tried when the first refuses before accepting the message
    twilio: TwilioSettings = TwilioSettings()
    aws: AwsSettings = AwsSettings()
    vonage: VonageSettings = VonageSettings()
    messagebird: MessageBirdSettings = MessageBirdSettings()
    custom: CustomSmsSettings = CustomSmsSettings()


class EmailSettings(Section):
    """The mailbox that answers and notifies (S2.10, S53, S55)."""

    sender: str = ""  # email-from: address in From
    server: str = ""  # SMTP host; empty: no e-mail
    port: int = Field(587, ge=1, le=65535)
    user: str = ""
    password: Secret = Secret("")
    read_pixel: bool = False  # put an image into messages that tells when they are opened


class ChannelsSettings(Section):
    whatsapp: WhatsAppSettings = WhatsAppSettings()
    telegram: TelegramSettings = TelegramSettings()
    instagram: InstagramSettings = InstagramSettings()
    teams: TeamsSettings = TeamsSettings()
    google_chat: GoogleChatSettings = GoogleChatSettings()
    slack: SlackSettings = SlackSettings()
    sms: SmsSettings = SmsSettings()
    email: EmailSettings = EmailSettings()
