"""Wrap-up codes: how a conversation ended, in the organisation's own list (seeded in Portuguese)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ..db import Tx, load_sql
from ..errors import Invalid

sql = load_sql("control.tickets")


@dataclass(frozen=True, slots=True)
class WrapUp:
    code: str
    label: str
    requires_notes: bool

    def public(self) -> dict[str, Any]:
        return {"code": self.code, "label": self.label, "requires_notes": self.requires_notes}


WRAP_UP_CODES = (
    WrapUp("resolvido", "Resolvido", False),
    WrapUp("duvida", "Dúvida esclarecida", False),
    WrapUp("venda", "Venda realizada", False),
    WrapUp("venda_perdida", "Venda não realizada", True),
    WrapUp("suporte", "Suporte técnico", False),
    WrapUp("financeiro", "Financeiro ou cobrança", False),
    WrapUp("reclamacao", "Reclamação", True),
    WrapUp("cancelamento", "Pedido de cancelamento", True),
    WrapUp("retorno", "Retornar depois", True),
    WrapUp("sem_resposta", "Cliente não respondeu", False),
    WrapUp("engano", "Engano", False),
    WrapUp("outro", "Outro", True),
)


async def seed_wrap_up_codes(tx: Tx, organisation_id: UUID) -> None:
    """Give a new organisation its list; what is there already stays as it is."""
    for place, code in enumerate(WRAP_UP_CODES):
        await tx.run(
            sql.seed_wrap_up_code, organisation_id=organisation_id, code=code.code, label=code.label,
            requires_notes=code.requires_notes, order_index=place,
        )  # fmt: skip


async def wrap_up(tx: Tx, organisation_id: UUID, code: str, notes: str | None) -> WrapUp:
    """The code with that name, checked against *notes*.

    Raises:
        Invalid: no such code (field ``wrap_up_code``), or it asks for notes and there are none (field ``notes``).
    """
    row = await tx.row(sql.wrap_up_code, organisation_id=organisation_id, code=code)
    if row is None:
        raise Invalid(f"there is no wrap-up code {code!r}", field="wrap_up_code")
    found = WrapUp(row["code"], row["label"], row["requires_notes"])
    if found.requires_notes and not (notes or "").strip():
        raise Invalid(f"the wrap-up code {code!r} asks for notes", field="notes")
    return found
