"""Customers and the tables flows may name: FIND, CREATE, UPDATE, DELETE with every value bound (D12, S47, S48, S88)."""

from __future__ import annotations

import asyncio

import pytest

from control.db import Database
from control.errors import Conflict, Invalid

from .domains import House, house


@pytest.fixture
async def acme(database: Database) -> House:
    return await house(database)


async def test_the_same_number_however_it_is_spelt_is_one_contact_s21(acme: House) -> None:
    org = acme.organisation_id
    made = await acme.contacts.upsert(org, phone="(11) 99999-0001", name="Ana Souza")
    assert (made["phone"], made["customer_id"], made["first_name"]) == ("+5511999990001", "cust-001", "Ana")
    for spelling in ("+5511999990001", "5511999990001", "11999990001", "sip:+5511999990001@trunk", "+551199990001"):
        found = await acme.contacts.by_phone(org, spelling)
        assert found is not None, spelling
        assert found["id"] == made["id"]
        rows = await acme.records.find(org, "customers", ("phone", "=", spelling))
        assert [row["id"] for row in rows] == [made["id"]], spelling
    assert await acme.contacts.by_phone(org, None) is None
    assert await acme.contacts.by_phone(org, "anonymous") is None


async def test_a_new_number_calling_twice_at_once_makes_one_contact(acme: House) -> None:
    made = await asyncio.gather(
        *(acme.contacts.upsert(acme.organisation_id, phone="+5511999990002", name=f"N {n}") for n in range(8))
    )
    assert len({contact["id"] for contact in made}) == 1


async def test_what_is_learnt_fills_what_was_empty_and_overwrites_nothing(acme: House) -> None:
    org = acme.organisation_id
    await acme.contacts.upsert(org, phone="+5511999990003")
    await acme.contacts.upsert(org, phone="+5511999990003", name="Bia Lima", email="bia@example.com")
    again = await acme.contacts.upsert(org, phone="+5511999990003", name="Outro Nome")
    assert (again["name"], again["last_name"], again["email"]) == ("Bia Lima", "Lima", "bia@example.com")


async def test_create_find_update_delete_of_a_flow(acme: House) -> None:
    org, records = acme.organisation_id, acme.records
    row = await records.create(
        org,
        "customers",
        {"name": "Ana", "phone": "11 99999-0001", "tier": "premium", "ltv": "15000.00", "tags": "vip,dev",
         "cidade": "SP", "last_purchase": "15/01/2024", "pedidos": 7},
    )  # fmt: skip
    assert (row["phone"], row["ltv"], row["tags"]) == ("+5511999990001", 15000.0, ["vip", "dev"])
    assert (row["last_purchase"], row["cidade"]) == ("2024-01-15", "SP")
    await records.create(org, "crm_contacts", {"name": "Beto", "tier": "gold", "pedidos": "muitos"})
    names = {
        ("tier", "=", "PREMIUM"): ["Ana"],
        ("tier", "<>", "premium"): ["Beto"],
        ("ltv", ">=", 15000): ["Ana"],
        ("name", "like", "b%"): ["Beto"],
        ("email", "=", None): ["Ana", "Beto"],
        ("tier", "in", ("gold", "premium")): ["Ana", "Beto"],
        ("tags", "=", "vip"): ["Ana"],
        ("cidade", "=", "sp"): ["Ana"],
        ("cidade", "=", None): ["Beto"],
        ("pedidos", ">", 5): ["Ana"],
        ("not", ("cidade", "=", "SP")): ["Beto"],
        ("and", ("tier", "=", "premium"), ("or", ("name", "=", "x"), ("cidade", "=", "SP"))): ["Ana"],
    }
    for where, expected in names.items():
        assert [each["name"] for each in await records.find(org, "customers", where)] == expected, where
    assert await records.update(org, "customers", ("name", "=", "Beto"), {"status": "qualified", "cidade": "RJ"}) == 1
    assert (await records.find(org, "customers", ("cidade", "=", "RJ")))[0]["pedidos"] == "muitos"
    saved = await records.save(org, "customers", row["id"], {"name": "Ana Maria"})
    assert (saved["id"], saved["name"]) == (row["id"], "Ana Maria")
    deal = await records.create(org, "crm_deals", {"name": "Oportunidade", "contact_id": row["id"], "value": 10})
    assert deal["stage"] == "qualification"
    with pytest.raises(Conflict):
        await records.delete(org, "customers", ("id", "=", row["id"]))
    assert await records.delete(org, "deals", ("id", "=", deal["id"])) == 1
    assert await records.delete(org, "customers", ("id", "=", row["id"])) == 1
    assert len(await records.find(org, "customers", limit=0)) == 0


async def test_what_a_caller_says_never_becomes_sql(acme: House) -> None:
    org, records = acme.organisation_id, acme.records
    evil = "x' OR '1'='1'; DROP TABLE crm_contacts; --"
    await records.create(org, "customers", {"name": "Ana", "phone": "11999990001"})
    assert await records.find(org, "customers", ("name", "=", evil)) == []
    assert await records.find(org, "customers", ("phone", "=", evil)) == []
    assert await records.find(org, "customers", (evil, "=", "1")) == []
    made = await records.create(org, "customers", {"name": evil, evil: evil})
    assert (made["name"], made[evil]) == (evil, evil)
    assert len(await records.find(org, "customers")) == 2


@pytest.mark.parametrize(
    "where",
    [
        ("name", "~", "x"),
        ("name",),
        ("and",),
        ("id", "=", "not an id"),
        ("ltv", ">", "many"),
        ("created_at", "<", "yesterday"),
    ],
)
async def test_a_filter_that_cannot_be_read_says_so(acme: House, where: tuple[object, ...]) -> None:
    with pytest.raises(Invalid):
        await acme.records.find(acme.organisation_id, "customers", where)


async def test_unknown_tables_fixed_columns_and_duplicates_are_refused(acme: House) -> None:
    org, records = acme.organisation_id, acme.records
    for table in ("users", "user_sessions", "crm_contacts; --", "pg_user"):
        with pytest.raises(Invalid, match="no table"):
            await records.find(org, table)
    with pytest.raises(Invalid, match="cannot be set"):
        await records.create(org, "leads", {"id": "1"})
    assert "organisation_id" not in (await records.create(org, "leads", {"name": "x"}))
    await records.create(org, "leads", {"organisation_id": "11111111-1111-1111-1111-111111111111"})
    assert len(await records.find(org, "leads")) == 2, "a field called so is a custom field, the row is ours"
    await records.create(org, "customers", {"name": "Ana", "phone": "11999990001"})
    with pytest.raises(Conflict):
        await records.create(org, "customers", {"name": "Bia", "phone": "+55 11 99999-0001"})
    nested: tuple[object, ...] = ("name", "=", "x")
    for _ in range(40):
        nested = ("not", nested)
    with pytest.raises(Invalid, match="nested"):
        await records.find(org, "leads", nested)


async def test_memory_of_flows_is_per_owner(acme: House) -> None:
    org, contacts = acme.organisation_id, acme.contacts
    await contacts.remember(org, "user", "cust-001", "cor", {"nome": "azul"})
    await contacts.remember(org, "user", "cust-001", "cor", "verde")
    assert await contacts.memory(org, "user", "cust-001", "cor") == "verde"
    assert await contacts.memory(org, "user", "cust-002", "cor") is None
    assert await contacts.memory(org, "bot", "cust-001", "cor") is None
