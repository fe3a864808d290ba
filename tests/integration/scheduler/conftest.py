"""The scheduler's parts on a real ledger, and where they publish on a real broker."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.db.engine import open_database
from shared.db.migrate import upgrade
from shared.runtime.settings import DatabaseSettings
from tests.integration.scheduler.stage import Desk, Stage
from tests.support.manual_clock import ManualClock


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the newest schema: made once, copied for each test."""
    import asyncio

    home = tmp_path_factory.mktemp("home")
    asyncio.run(upgrade(DatabaseSettings(home=home)))
    return home


@pytest.fixture
def home(empty_home: Path, tmp_path: Path) -> Path:
    """Give this test its own migrated home."""
    return Path(shutil.copytree(empty_home, tmp_path / "home"))


@pytest.fixture
async def desk(home: Path) -> AsyncIterator[Desk]:
    """The ledger with a clock that only the test moves; no broker."""
    async with open_database(DatabaseSettings(home=home)) as database:
        yield Desk(database, ManualClock())


@pytest.fixture
async def stage(desk: Desk, amqp_url: str) -> AsyncIterator[Stage]:
    """The ledger and the broker with the scheduler's parts between them, none of which runs by itself."""
    async with Stage.on(desk, amqp_url) as stage:
        yield stage
