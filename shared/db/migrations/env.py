"""Runs the migrations on one database; `parts` says which tables it holds."""

import asyncio

from alembic import context
from sqlalchemy import Connection, MetaData

from shared.db.engine import make_engine
from shared.db.tables import LedgerBase, LogsBase

_METADATA = {"ledger": LedgerBase.metadata, "logs": LogsBase.metadata}


def _run(connection: Connection) -> None:
    targets: list[MetaData] = [_METADATA[part] for part in context.config.attributes["parts"]]
    context.configure(
        connection=connection, target_metadata=targets, render_as_batch=connection.dialect.name == "sqlite"
    )
    with context.begin_transaction():
        context.run_migrations()


async def _main() -> None:
    engine = make_engine(context.config.attributes["url"], durable=True)
    async with engine.connect() as connection:
        await connection.run_sync(_run)
        await connection.commit()
    await engine.dispose()


asyncio.run(_main())
