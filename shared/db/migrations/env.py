"""Runs the migrations on one database; `parts` says which tables it holds."""

import asyncio

from alembic import context
from sqlalchemy import Connection, MetaData, text

from shared.db.engine import make_engine
from shared.db.postgres import Use
from shared.db.tables import LedgerBase, LogsBase

_MIGRATION_LOCK = 0x506F7274616C02
_METADATA = {"ledger": LedgerBase.metadata, "logs": LogsBase.metadata}


def _run(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # Of two that migrate at once the second waits here, and then finds nothing left to do.
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
    targets: list[MetaData] = [_METADATA[part] for part in context.config.attributes["parts"]]
    context.configure(
        connection=connection, target_metadata=targets, render_as_batch=connection.dialect.name == "sqlite"
    )
    with context.begin_transaction():
        context.run_migrations()


async def _main() -> None:
    engine = make_engine(context.config.attributes["url"], Use(name="migrate", connections=1, patient=True))
    async with engine.connect() as connection:
        await connection.run_sync(_run)
        await connection.commit()
    await engine.dispose()


asyncio.run(_main())
