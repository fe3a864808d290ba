"""The scheduler's parts on a real ledger, and where they publish on a real broker."""

from collections.abc import AsyncIterator

import pytest

from shared.db.engine import open_database
from shared.runtime.settings import DatabaseSettings
from tests.integration.scheduler.stage import Desk, Stage
from tests.support.manual_clock import ManualClock


@pytest.fixture
async def desk(store: DatabaseSettings) -> AsyncIterator[Desk]:
    """The ledger with a clock that only the test moves; no broker."""
    async with open_database(store, schedules=True) as database:
        yield Desk(database, ManualClock())


@pytest.fixture
async def stage(desk: Desk, amqp_url: str) -> AsyncIterator[Stage]:
    """The ledger and the broker with the scheduler's parts between them, none of which runs by itself."""
    async with Stage.on(desk, amqp_url) as stage:
        yield stage
