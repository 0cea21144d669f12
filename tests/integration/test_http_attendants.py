"""``attendant.csv`` into the database (S69, D3), and what signing in makes of it."""

from __future__ import annotations

import pytest

from control.auth.users import import_attendants, parse_attendants, reset_password
from control.errors import Conflict

from .http_door import Door, door

__all__ = ["door"]

FILE = """\
id,name,channel,preferences,department,aliases,phone,email
att-001,Maria Santos,all,sales,commercial,maria;mari,5511999990001,maria@empresa.com
att-002,João Silva,whatsapp;web,support,support,joao;js,5511999990002,joao@empresa.com
"""


async def test_a_second_import_of_the_same_file_changes_nothing(door: Door) -> None:
    organisation_id = await door.organisation()
    rows = parse_attendants(FILE)
    first = await import_attendants(door.db, organisation_id, rows)
    assert (first.added, first.changed, first.unchanged) == (2, 0, 0)
    before = await door.db.fetch("SELECT u::text FROM users u ORDER BY attendant_code")
    again = await import_attendants(door.db, organisation_id, rows)
    assert (again.added, again.changed, again.unchanged) == (0, 0, 2)
    assert await door.db.fetch("SELECT u::text FROM users u ORDER BY attendant_code") == before
    moved = await import_attendants(door.db, organisation_id, parse_attendants(FILE.replace("commercial", "vip")))
    assert (moved.added, moved.changed, moved.unchanged) == (0, 1, 1)


async def test_an_imported_attendant_signs_in_once_they_have_a_password(door: Door) -> None:
    await import_attendants(door.db, await door.organisation(), parse_attendants(FILE))
    browser = await door.browser()
    assert (await browser.sign_in("maria@empresa.com", "anything at all")).status == 401
    made = await reset_password(door.db, door.passwords, "maria@empresa.com")
    assert made is not None
    assert (await browser.sign_in("maria@empresa.com", made)).status == 200
    assert browser.me["user"]["attendant_id"] == "att-001"


async def test_codes_given_by_us_step_aside_for_imported_ones(door: Door) -> None:
    await import_attendants(door.db, await door.organisation(), parse_attendants(FILE))
    ana = await door.person("ana@loja.example")
    assert ana.me["user"]["attendant_id"] == "att-003"


async def test_an_address_of_another_organisation_is_refused_and_nothing_is_imported(door: Door) -> None:
    await door.person("joao@empresa.com", organisation="Outra")
    organisation_id = await door.organisation()
    with pytest.raises(Conflict):
        await import_attendants(door.db, organisation_id, parse_attendants(FILE))
    assert await door.db.value("SELECT count(*) FROM users WHERE organisation_id = $1", organisation_id) == 0


async def test_two_organisations_have_the_same_codes(door: Door) -> None:
    await import_attendants(door.db, await door.organisation("A"), parse_attendants(FILE))
    other = FILE.replace("empresa.com", "outra.com")
    assert (await import_attendants(door.db, await door.organisation("B"), parse_attendants(other))).added == 2
