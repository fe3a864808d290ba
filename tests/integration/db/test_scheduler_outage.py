"""What becomes of a scheduler whose PostgreSQL goes away for a while, or for good."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.ledger import Effects, Ledger
from shared.db import jobs
from shared.db.engine import Database, open_database
from shared.db.parked import wanted
from shared.db.tables import JobRow
from shared.domain.ids import JobId, new_id
from shared.domain.job import Definition
from shared.domain.run import RunState
from shared.runtime.clock import SystemClock
from shared.runtime.settings import DatabaseSettings
from tests.integration.scheduler.process import a_job, is_ready, runs, scheduler
from tests.integration.scheduler.stage import Desk, Stage
from tests.support.eventually import eventually, until, until_found
from tests.support.manual_clock import ManualClock
from tests.support.postgres import Postgres, PrivateServer, name_in
from tests.support.stack import free_port

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'portal scheduler'"
_CUT_OFF = f"SELECT pg_terminate_backend(pid) FROM ({_SESSIONS}) AS sessions"


@pytest.fixture
def ledger(postgres: Postgres, migrated_database: str, tmp_path: Path) -> Iterator[DatabaseSettings]:
    """A migrated ledger on PostgreSQL."""
    url = postgres.fresh_database(migrated_database)
    yield DatabaseSettings(home=tmp_path, database_url=url)
    postgres.drop_database(url)


def writer(ledger: DatabaseSettings) -> AbstractAsyncContextManager[Database]:
    return open_database(ledger, name="scheduler", schedules=True)


async def insert(session: AsyncSession, name: str) -> None:
    await jobs.insert(session, JobId(new_id()), Definition(name=name, script="hello.py"), now=NOW)


async def write(database: Database, name: str) -> None:
    async with database.ledger.begin() as session:
        await insert(session, name)


async def names(database: Database) -> set[str]:
    async with database.reading() as session:
        return set(await session.scalars(select(JobRow.name)))


async def test_who_lost_its_connection_goes_on(ledger: DatabaseSettings, postgres: Postgres) -> None:
    async with writer(ledger) as database:
        await write(database, "before")
        await asyncio.to_thread(postgres.execute, _CUT_OFF)

        await write(database, "after")

        assert await names(database) == {"before", "after"}


async def test_a_scheduler_cut_off_from_its_database_for_long_ends(
    server: PrivateServer, database_url: str, amqp_url: str, tmp_path: Path
) -> None:
    settings = DatabaseSettings(home=tmp_path, database_url=database_url)
    async with writer(settings) as database, a_ledger(database, amqp_url) as books:
        await books.write(storing("before"))
        server.stop()

        with pytest.raises(SystemExit, match="has not answered for 60 s"):
            await books.write(storing("after"))


async def test_a_scheduler_ends_when_its_database_comes_back_with_another_schema(
    server: PrivateServer, database_url: str, amqp_url: str, tmp_path: Path
) -> None:
    settings = DatabaseSettings(home=tmp_path, database_url=database_url)
    async with (
        writer(settings) as database,
        Stage.on(Desk(database, ManualClock()), amqp_url) as stage,
        asyncio.TaskGroup() as group,
    ):
        books = Ledger(database.ledger, SystemClock(), stage.announcer)
        await books.write(storing("before"))
        server.postgres.execute(
            "UPDATE alembic_version SET version_num = '0001'", database=name_in(database_url)
        )
        server.stop()

        async def bring_back() -> None:
            await until(lambda: books._away_since is not None)
            server.start()

        group.create_task(bring_back())
        with pytest.raises(SystemExit, match=r"has schema 0001, .* Run `portal migrate`"):
            await books.write(storing("after"))


async def test_a_scheduler_ends_when_its_file_lacks_a_table(
    migrated_home: Path, amqp_url: str, tmp_path: Path
) -> None:
    settings = DatabaseSettings(home=shutil.copytree(migrated_home, tmp_path / "home"))
    async with writer(settings) as database, a_ledger(database, amqp_url) as books:
        async with database.ledger.begin() as session:
            await session.execute(text("DROP TABLE parked_requests"))

        with pytest.raises(SystemExit, match=r"no such table.*Run `portal migrate`"):
            await books.write(lambda session, _: wanted(session, limit=1))


@asynccontextmanager
async def a_ledger(database: Database, amqp_url: str) -> AsyncIterator[Ledger]:
    """Where a scheduler writes that gives up after 60 s; they pass while it tries."""
    clock = ManualClock()

    async def pass_time() -> None:
        while True:
            clock.advance(1)
            await asyncio.sleep(0)

    async with Stage.on(Desk(database, clock), amqp_url) as stage, asyncio.TaskGroup() as group:
        passing = group.create_task(pass_time())
        yield Ledger(database.ledger, clock, stage.announcer, patience_s=60)
        passing.cancel()


def storing(name: str) -> Callable[[AsyncSession, Effects], Awaitable[None]]:
    return lambda session, _: insert(session, name)


async def test_a_scheduler_outlives_its_database(
    server: PrivateServer, database_url: str, amqp_url: str, tmp_path: Path
) -> None:
    ledger = DatabaseSettings(home=tmp_path, database_url=database_url)
    port = free_port()
    await a_job(ledger, 1)
    with scheduler(ledger, amqp_url, port) as process:
        await asyncio.to_thread(eventually, lambda: is_ready(port), within_s=30, what="ready")
        for _ in range(3):  # cut off in the middle of whatever it does
            await asyncio.to_thread(server.postgres.execute, _CUT_OFF)
        server.stop()
        await eventually_says(process.stderr, "waiting for the database")
        server.start()
        await eventually_decided(ledger, after=datetime.now(UTC))
        assert process.poll() is None

    rows = await runs(ledger)
    assert {row.state for row in rows} == {RunState.QUEUED}
    assert_every_second_once([row.nominal_at for row in rows])


async def test_a_scheduler_waits_for_a_database_that_is_not_up_yet(
    server: PrivateServer, database_url: str, amqp_url: str, tmp_path: Path
) -> None:
    server.stop()
    port = free_port()
    with scheduler(DatabaseSettings(home=tmp_path, database_url=database_url), amqp_url, port) as process:
        await eventually_says(process.stderr, "waiting for the database")
        server.start()
        await asyncio.to_thread(eventually, lambda: is_ready(port), within_s=30, what="ready")
        process.terminate()
        _, log = await asyncio.to_thread(process.communicate, timeout=20)

    assert process.returncode == 0
    assert "waiting for the database" not in log
    assert "Traceback" not in log


async def eventually_says(stream: object, words: str) -> None:
    def heard() -> bool:
        return words in stream.readline()  # type: ignore[attr-defined]

    await asyncio.to_thread(eventually, heard, within_s=30, what=f"it says {words!r}")


async def eventually_decided(ledger: DatabaseSettings, *, after: datetime) -> None:
    """Wait until an instant after this one is in the ledger."""

    async def decided() -> bool:
        return any(row.nominal_at > after for row in await runs(ledger))

    await until_found(decided)


def assert_every_second_once(instants: list[datetime]) -> None:
    assert instants == [instants[0] + timedelta(seconds=count) for count in range(len(instants))]
