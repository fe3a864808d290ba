"""Brings the databases to this version's schema: the same linear history for ledger and logs."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config

from shared.db.engine import open_database
from shared.db.schema import wait_until_reached
from shared.runtime.clock import SystemClock
from shared.runtime.settings import DatabaseSettings

_WAIT_S = 60.0
_SCRIPTS = Path(__file__).with_name("migrations")


async def upgrade(settings: DatabaseSettings) -> None:
    """Create or upgrade the schema; doing it again, or twice at once, changes nothing.

    On SQLite the logs have a file of their own and the history runs over each file, creating in each
    only its part. A server that is not up yet is waited for, 60 s at most.

    Raises:
        SystemExit: the database cannot be reached; says what to do.
    """
    ledger, logs = settings.ledger_url, settings.logs_url
    if ledger != logs:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with open_database(settings, name="migrate") as database:
        for reading in (database.reading, database.reading_logs):
            await wait_until_reached(reading, SystemClock(), bound_s=_WAIT_S)
    if ledger == logs:
        await asyncio.to_thread(_upgrade, ledger, ("ledger", "logs"))
        return
    await asyncio.to_thread(_upgrade, ledger, ("ledger",))
    await asyncio.to_thread(_upgrade, logs, ("logs",))


def config_for(url: str, parts: tuple[str, ...]) -> Config:
    """Return Alembic's configuration for one database and the parts of the schema that it holds."""
    config = Config(attributes={"url": url, "parts": parts})
    config.set_main_option("script_location", str(_SCRIPTS))
    return config


def _upgrade(url: str, parts: tuple[str, ...]) -> None:
    command.upgrade(config_for(url, parts), "head")
