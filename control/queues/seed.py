"""What a new organisation starts with: a bot, a default queue, wrap-up codes, the stages of a sale."""

from __future__ import annotations

from uuid import UUID

from config.control import QueueSettings

from ..db import Database, load_sql
from ..tickets import seed_wrap_up_codes

sql = load_sql("control.queues")

STAGES = (("qualification", 10), ("proposal", 40), ("negotiation", 70), ("closed_won", 100), ("closed_lost", 0))


async def ensure_organisation(db: Database, name: str, settings: QueueSettings | None = None) -> UUID:
    """The organisation called *name* with all it needs to take a call; what is there already is left as it is.

    The default queue has no members of its own: every attendant serves it. A queue with members is served by them.
    """
    settings = settings or QueueSettings()
    async with db.transaction() as tx:
        await tx.run(sql.add_organisation, name=name)
        organisation_id: UUID = await tx.value(sql.organisation, name=name)
        await tx.run(sql.add_bot, organisation_id=organisation_id, name="default")
        await tx.run(
            sql.add_default_queue, organisation_id=organisation_id, name=settings.name,
            max_wait_seconds=settings.max_wait_seconds, max_size=settings.size, channels=["all"],
        )  # fmt: skip
        for place, (stage, probability) in enumerate(STAGES):
            await tx.run(
                sql.add_stage, organisation_id=organisation_id, name=stage, order_index=place, probability=probability
            )
        await seed_wrap_up_codes(tx, organisation_id)
        return organisation_id
