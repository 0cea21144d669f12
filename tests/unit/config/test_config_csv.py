"""``config.csv`` (D3): every key of S10, S30, S32–S36, S43, S50, S53, S68, to the letter."""

from __future__ import annotations

import pytest

from config import config_csv
from config.load import ConfigError, Settings, known_keys, parse_csv

DOCUMENT = """\
name,value
# === ATENDIMENTO BÁSICO ===
crm-enabled,true
attendance-enabled,true
# === FILA ===
attendance-queue-size,50
attendance-max-wait-seconds,600
attendance-priority-default,normal
attendance-auto-assign,true
attendance-slack-webhook,
attendance-whatsapp-commands,true
attendance-telegram-commands,true
attendance-bypass-mode,false
attendance-auto-transfer,false
attendance-transfer-keywords,human,atendente,pessoa,falar com
attendant-llm-tips,true
attendant-polish-message,true
attendant-smart-replies,true
attendant-auto-summary,true
attendant-sentiment-analysis,true
attendance-crm-logging,true
attendance-customer-fields,name,email,phone,tier,ltv
attendance-email-notify,false
attendance-email-template,attendant-response
"""
OTHERS = """\
whatsapp-voice-response,true
botmodels-url,http://localhost:5000
botmodels-api-key,
teams-enabled,true
teams-app-id,
teams-app-password,
teams-tenant-id,
teams-bot-id,
attendance-default-destination,teams
google-chat-enabled,true
google-chat-bot-token,
google-chat-space-id,
teams-voice-enabled,true
teams-meeting-enabled,true
instagram-enabled,true
instagram-access-token,
instagram-app-secret,
instagram-webhook-verify-token,
livekit-url,wss://livekit.yourserver.com
livekit-api-key,
livekit-api-secret,
livekit-room-prefix,attendance-
livekit-recording-enabled,true
livekit-storage-bucket,recordings
livekit-transcription-enabled,true
transcription-language,pt-BR
sip-enabled,false
sip-trunk-name,
sip-phone-number,
sip-inbound-route,
sip-outbound-route,
attendance-log-fields,session_id,customer_id,attendant_id,start_time,end_time,sentiment
attendance-email-recipient,attendant
attendance-email-bcc,supervisor@empresa.com
"""


def test_the_document_s_own_file_is_read_whole() -> None:
    """S68: comments, a header, empty values and values with commas."""
    settings = parse_csv(DOCUMENT)
    assert settings.control.attendance.transfer_keywords == ("human", "atendente", "pessoa", "falar com")
    assert settings.control.attendance.customer_fields == ("name", "email", "phone", "tier", "ltv")
    assert settings.channels.slack.webhook.reveal() == ""


def test_every_other_key_of_the_contract_is_known() -> None:
    """S10, S30, S32–S36, S43, S50, S53."""
    settings = parse_csv(OTHERS)
    assert settings.media.rooms.url == "wss://livekit.yourserver.com"
    assert settings.control.attendance.default_destination == "teams"
    assert settings.sip.enabled is False
    assert settings.control.notifications.email_bcc == "supervisor@empresa.com"


def test_every_key_sets_a_setting_that_exists_and_only_one() -> None:
    assert set(config_csv.KEYS.values()) <= set(known_keys())
    assert len(set(config_csv.KEYS.values())) == len(config_csv.KEYS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "attendance-queue-sise,9",
            "line 1: no setting is called attendance-queue-sise; did you mean attendance-queue-size?",
        ),
        ("\nattendance-queue-size,many", r"line 2 \(attendance-queue-size\): control.queues.size:"),
        ("attendance-queue-size", "line 1: 'attendance-queue-size' has no comma"),
        ("crm-enabled,true\ncrm-enabled,false", "line 2: crm-enabled stands already in line 1"),
        ("attendance-priority-default,soon", "control.queues.priority_default"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_csv(text)


def test_an_empty_value_leaves_the_default_of_a_number() -> None:
    assert parse_csv("attendance-queue-size,\nattendance-transfer-keywords,\n") == Settings()


def test_param_rows_become_variables_of_the_flows() -> None:
    settings = parse_csv('param-loja,"Loja ""Centro"", térreo"\nparam-x,1\n')
    assert settings.agents.bot.variables == {"loja": 'Loja "Centro", térreo', "x": "1"}


def test_a_spreadsheet_s_byte_order_mark_and_line_ends_are_read() -> None:
    assert parse_csv("\ufeffattendance-queue-size,7\r\n").control.queues.size == 7
