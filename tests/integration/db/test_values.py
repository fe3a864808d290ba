"""What each database must hold, and what it must not stumble over."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from shared.db import jobs
from shared.db.engine import Database, open_database
from shared.db.tables import JobRow
from shared.domain.ids import JobId, new_id
from shared.domain.job import Definition
from shared.runtime.settings import DatabaseSettings

NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
async def database(store: DatabaseSettings) -> AsyncIterator[Database]:
    async with open_database(store) as opened:
        yield opened


async def insert(database: Database, name: str, *, now: datetime = NOW) -> None:
    async with database.ledger.begin() as session:
        await jobs.insert(session, JobId(new_id()), Definition(name=name, script="hello.py"), now=now)


@pytest.mark.parametrize(
    "instant",
    [
        NOW,
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1, 1, 2, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(9999, 1, 1, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    ],
)
async def test_an_instant_comes_back_as_it_was(database: Database, instant: datetime) -> None:
    await insert(database, "then", now=instant)

    async with database.reading() as session:
        found = await session.scalar(select(JobRow.created_at).where(JobRow.created_at <= instant))

    assert found == instant


async def test_names_are_ordered_as_python_orders_them(database: Database) -> None:
    names = ["b", "a", "\u00e9", "z", "_", "1", "\u4e2d", "a-b", "a b", "ab", "\U0001f600"]
    for name in names:
        await insert(database, name)

    async with database.reading() as session:
        found = list(await session.scalars(select(JobRow.name_key).order_by(JobRow.name_key)))

    assert found == sorted(names)
