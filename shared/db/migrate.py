"""Brings the databases to this version's schema: the same linear history for ledger and logs."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config

from shared.runtime.settings import DatabaseSettings

_SCRIPTS = Path(__file__).with_name("migrations")


async def upgrade(settings: DatabaseSettings) -> None:
    """Create or upgrade the schema; doing it again changes nothing.

    On SQLite the logs have a file of their own and the history runs over each file, creating in each
    only its part.
    """
    ledger, logs = settings.ledger_url, settings.logs_url
    if ledger == logs:
        await asyncio.to_thread(_upgrade, ledger, ("ledger", "logs"))
        return
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    await asyncio.to_thread(_upgrade, ledger, ("ledger",))
    await asyncio.to_thread(_upgrade, logs, ("logs",))


def config_for(url: str, parts: tuple[str, ...]) -> Config:
    """Return Alembic's configuration for one database and the parts of the schema that it holds."""
    config = Config(attributes={"url": url, "parts": parts})
    config.set_main_option("script_location", str(_SCRIPTS))
    return config


def _upgrade(url: str, parts: tuple[str, ...]) -> None:
    command.upgrade(config_for(url, parts), "head")
