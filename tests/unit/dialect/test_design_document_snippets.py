"""Every BASIC statement that the design document shows, as written there, does what the document says (D12).

The texts are in ``tests/golden/dialect``; a file's name begins with the section it is from.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.dialect import compile_flow
from agents.dialect.effects import (
    CallMethod,
    Create,
    CreateMeeting,
    Find,
    Notify,
    SetSession,
    Talk,
    TransferToHuman,
    Update,
)
from agents.dialect.filters import Comparison

from .scripted import NOW, Scripted

GOLDEN = Path(__file__).parents[2] / "golden" / "dialect"
PHONE = "+5511999990001"
MARIA = {"id": "cust-001", "name": "Maria", "phone": PHONE, "tier": "gold", "ltv": 15000.0, "email": "m@example.com"}


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.bas").read_text(encoding="utf-8")


def customers(**changes: object) -> dict[str, list[dict[str, object]]]:
    return {"customers": [{**MARIA, **changes}]}


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.bas")), ids=lambda path: path.stem)
def test_every_snippet_compiles(path: Path) -> None:
    compile_flow(path.read_bytes(), path.name)


def test_s12_voice_response_is_switched_and_a_voice_call_is_answered() -> None:
    run = Scripted().play(golden("s01_02_voice_response"), {"session": {"call_type": "voice"}})
    assert [(e.key, e.value) for e in run.did(SetSession)] == [("voice_response", True), ("voice_response", False)]
    assert run.said == ["Entendi. Deixe-me verificar."]
    assert Scripted().play(golden("s01_02_voice_response"), {"session": {"call_type": "chat"}}).said == []


def test_s29_s56_transfer_to_teams_by_fourth_argument_and_by_record() -> None:
    first, second = Scripted().play(golden("s01_05_transfer_to_teams")).did(TransferToHuman)
    assert (first.target, first.priority, first.reason, first.destination) == (
        "support",
        "normal",
        "Cliente precisa de ajuda",
        "teams",
    )
    assert (second.department, second.destination, second.target) == ("support", "teams", None)


def test_s33_teams_meeting_has_its_participants() -> None:
    run = Scripted().play(golden("s01_06_teams_meeting"), {"customer": MARIA})
    (meeting,) = run.did(CreateMeeting)
    assert meeting.options == {"type": "teams", "title": "Suporte - Maria", "participants": ["m@example.com"]}
    assert run.said == ["Vou iniciar uma reunião Teams com você.", "https://meet.example/room-1"]


def test_s34_meeting_is_offered_by_link() -> None:
    run = Scripted().play(golden("s01_10_meeting_offer"), {"meeting_link": "https://x/1"})
    assert run.said[-1] == "https://x/1"


def test_s38_meeting_in_a_conversation_sets_the_session_and_notifies() -> None:
    run = Scripted().play(golden("s01_11_meeting_in_conversation"), {"customer": MARIA})
    (meeting,) = run.did(CreateMeeting)
    assert meeting.options == {
        "title": "Atendimento - Maria",
        "type": "support",
        "expires_in": 3600,
        "max_participants": 2,
        "recording": False,
        "transcription": True,
    }
    assert run.session == {"meeting_room": "room-1", "meeting_url": "https://meet.example/room-1"}
    (notice,) = run.did(Notify)
    assert (notice.to, notice.message) == ("attendant", "Cliente entrou na sala: https://meet.example/room-1")


def test_s39_screen_share_is_read_and_requested() -> None:
    meeting = {"participant": {"shared_screen": True}}
    run = Scripted().play(golden("s01_11_screen_share"), {"meeting": meeting, "participant_id": "p-1"})
    assert run.said == ["Cliente está compartilhando a tela"]
    (asked,) = run.did(CallMethod)
    assert (asked.object, asked.method, asked.args) == ("meeting", "request_screen_share", ("p-1",))


def test_s47_customer_is_looked_up_by_phone_and_kept_in_the_session() -> None:
    session = {"phone": PHONE}
    run = Scripted(tables=customers()).play(golden("s02_2_customer_lookup"), {"session": session})
    assert [e.target for e in run.did(TransferToHuman)] == ["support"]
    assert run.did(Find)[0].filter == Comparison("phone", "=", PHONE)
    assert run.session == {"customer_name": "Maria", "customer_tier": "gold", "customer_lifetime_value": 15000.0}
    assert session["customer_name"] == "Maria"
    assert Scripted().play(golden("s02_2_customer_lookup"), {"session": {"phone": PHONE}}).session == {}


@pytest.mark.parametrize(
    ("tier", "expected"), [("premium", ("vip-support", "high", "Cliente premium")), ("gold", ("support", None, None))]
)
def test_s49_premium_customers_go_first(tier: str, expected: tuple[str | None, ...]) -> None:
    run = Scripted(tables=customers(tier=tier)).play(golden("s02_4_premium_rule"), {"session": {"phone": PHONE}})
    (transfer,) = run.did(TransferToHuman)
    assert (transfer.target, transfer.priority, transfer.reason) == expected


def test_s49_an_unknown_caller_is_no_premium_one() -> None:
    (transfer,) = Scripted().play(golden("s02_4_premium_rule"), {"session": {"phone": PHONE}}).did(TransferToHuman)
    assert transfer.target == "support"


def test_s51_campaign_marks_the_session() -> None:
    run = Scripted().play(golden("s03_1_proactive_outreach"))
    assert run.session == {
        "needs_human": True,
        "campaign_id": "summer-sale-2024",
        "lead_source": "marketing-campaign",
    }


def test_s52_lead_is_created_when_the_customer_is_new_and_qualified_when_known() -> None:
    host = {
        "session": {"phone": PHONE, "user_name": "Maria", "lead_source": "campanha"},
        "attendant": {"resolved": True, "id": "att-001"},
        "conversation": {"summary": "quer comprar"},
    }
    (lead,) = Scripted().play(golden("s03_3_lead_qualification"), host).did(Create)
    assert lead.table == "leads"
    assert lead.values == {
        "name": "Maria",
        "phone": PHONE,
        "source": "campanha",
        "status": "contacted",
        "attendant_id": "att-001",
        "notes": "quer comprar",
    }
    run = Scripted(tables=customers()).play(golden("s03_3_lead_qualification"), host)
    (update,) = run.did(Update)
    assert (update.table, update.filter) == ("customers", Comparison("id", "=", "cust-001"))
    assert update.values == {"status": "qualified", "last_contact": NOW.isoformat(), "attendant_id": "att-001"}
    assert run.did(Create) == []
    assert Scripted().play(golden("s03_3_lead_qualification"), {**host, "attendant": {"resolved": False}}).done == []


def test_s56_transfer_in_all_its_forms() -> None:
    run = Scripted().play(golden("s05_1_transfer_to_human"))
    assert [(e.target, e.priority, e.reason) for e in run.did(TransferToHuman)] == [
        (None, None, None),
        ("João Silva", None, None),
        ("suporte técnico", None, None),
        ("vendas", "high", None),
        ("suporte", "normal", "Cliente com problema no pagamento"),
    ]


def test_s57_s58_session_context_is_read_and_given_back_to_the_bot() -> None:
    session = {"needs_human": True, "queue_position": 3, "attendant_id": "att-001"}
    run = Scripted().play(golden("s05_3_session_context") + '\nRETURN position + " " + attendant', {"session": session})
    assert run.said == ["Você está em atendimento humano."]
    assert run.result == "3 att-001"
    assert session["needs_human"] is False


@pytest.mark.parametrize(
    ("score", "intent", "moved"), [(-0.8, "", True), (0.2, "escalate", True), (0.2, "", False), (None, None, False)]
)
def test_s71_a_failing_bot_transfers_by_itself(score: float | None, intent: str | None, moved: bool) -> None:
    host = {"sentiment": {"score": score}, "intent": intent}
    found = Scripted().play(golden("s09_2_automatic_transfer"), host).did(TransferToHuman)
    assert [(e.target, e.priority, e.reason) for e in found] == [
        ("support", "high", "Tentativas=3, Sentimento=negativo")
    ] * moved


def test_s73_complexity_over_the_threshold_transfers() -> None:
    found = Scripted().play(golden("s09_4_complexity"), {"complexidade": 8, "threshold": 5}).did(TransferToHuman)
    assert [e.target for e in found] == ["suporte técnico"]


def test_s74_video_call_on_request_gives_the_link() -> None:
    run = Scripted().play(golden("s09_5_video_call"), {"intent": "video_call"})
    assert run.did(CreateMeeting)[0].options == {"type": "support"}
    assert run.said[-1] == "Clique no link para entrar: https://meet.example/room-1"


def test_s75_use_cases_transfer_where_they_say() -> None:
    run = Scripted().play(golden("s11_use_cases"), {"lead": "quente", "complexidade": 9, "threshold": 5})
    assert [(e.target, e.priority) for e in run.did(TransferToHuman)] == [
        ("suporte", None),
        ("vendas", "high"),
        ("técnico", None),
    ]


def test_s87_ticket_is_opened_resolved_and_becomes_a_deal() -> None:
    run = Scripted().play(golden("s16_4_ticket"), {"customer": MARIA})
    ticket, deal = run.did(Create)
    assert (ticket.table, ticket.values["customer_id"]) == ("attendance_tickets", "cust-001")
    (update,) = run.did(Update)
    assert update.filter == Comparison("id", "=", "attendance_tickets-1")
    assert update.values == {"status": "resolved", "resolved_at": NOW.isoformat()}
    assert deal.values == {"name": "Ticket #1", "stage": "closed_won", "contact_id": "cust-001"}


def test_s89_deal_from_a_conversation_finds_or_creates_the_contact() -> None:
    host = {
        "intent": "comprar",
        "session": {"phone": PHONE, "user_name": "Maria"},
        "ticket": {"assigned_to": "user-7"},
    }
    run = Scripted().play(golden("s17_3_deal_from_conversation"), host)
    contact, deal = run.did(Create)
    assert contact.values == {"first_name": "Maria", "phone": PHONE, "source": "whatsapp"}
    assert deal.values == {
        "name": "Oportunidade - Maria",
        "contact_id": "crm_contacts-1",
        "stage": "qualification",
        "owner_id": "user-7",
    }
    known = {"crm_contacts": [{"id": "c-9", "first_name": "Ana", "phone": PHONE}]}
    run = Scripted(tables=known).play(golden("s17_3_deal_from_conversation"), host)
    assert [e.table for e in run.did(Create)] == ["crm_deals"]
    assert run.did(Create)[0].values["name"] == "Oportunidade - Ana"
    assert [e.text for e in run.did(Talk)] == ["Perfeito! Vou criar uma proposta para você."]
