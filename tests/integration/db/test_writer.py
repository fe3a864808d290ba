"""One scheduler at a time writes a PostgreSQL ledger, whatever becomes of its connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.ledger import Effects, Ledger
from shared.db import jobs
from shared.db.engine import LOCKED_OR_DOWN, Database, open_database
from shared.db.tables import JobRow
from shared.domain.errors import AnotherWriter
from shared.domain.ids import JobId, new_id
from shared.domain.job import Definition
from shared.domain.run import RunState
from shared.runtime.settings import DatabaseSettings
from tests.integration.scheduler.process import a_job, is_ready, runs, scheduler
from tests.integration.scheduler.stage import Desk, Stage
from tests.support.eventually import eventually, until_found
from tests.support.manual_clock import ManualClock
from tests.support.postgres import Postgres, PrivateServer
from tests.support.stack import free_port

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'portal scheduler'"
_CUT_OFF = f"SELECT pg_terminate_backend(pid) FROM ({_SESSIONS}) AS sessions"

_CUT_OFF_HOLDER = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"


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


async def backend(session: AsyncSession) -> int:
    return int(await session.scalar(text("SELECT pg_backend_pid()")) or 0)


async def test_while_one_writes_another_may_not_and_reads(ledger: DatabaseSettings) -> None:
    async with writer(ledger) as first, writer(ledger) as second:
        await write(first, "first")

        with pytest.raises(AnotherWriter):
            await write(second, "second")

        assert await names(second) == {"first"}


async def test_when_the_first_is_gone_the_next_may_write_at_once(
    ledger: DatabaseSettings, postgres: Postgres
) -> None:
    async with writer(ledger) as second:
        async with writer(ledger) as first, asyncio.TaskGroup() as group:
            await write(first, "first")
            group.create_task(write(second, "second"))
            await asyncio.to_thread(eventually, lambda: waits(postgres), within_s=10, what="it waits")
            await first.ledger.kw["bind"].dispose()

        assert await names(second) == {"first", "second"}


async def test_who_lost_its_connection_commits_nothing_once_another_has_taken_over(
    ledger: DatabaseSettings, postgres: Postgres
) -> None:
    async def interrupted(old: Database, new: Database) -> None:
        async with old.ledger.begin() as session:
            await insert(session, "old")
            pid = await backend(session)
            await asyncio.to_thread(postgres.execute, f"SELECT pg_terminate_backend({pid})")
            await write(new, "new")

    async with writer(ledger) as old, writer(ledger) as new:
        with pytest.raises(LOCKED_OR_DOWN):
            await interrupted(old, new)
        with pytest.raises(AnotherWriter):
            await write(old, "old again")

        assert await names(new) == {"new"}


async def test_who_lost_its_connection_goes_on_if_nobody_has_taken_over(
    ledger: DatabaseSettings, postgres: Postgres
) -> None:
    async with writer(ledger) as database:
        await write(database, "before")
        await asyncio.to_thread(postgres.execute, _CUT_OFF)

        await write(database, "after")

        assert await names(database) == {"before", "after"}


async def test_a_second_scheduler_stands_by_and_takes_over(
    ledger: DatabaseSettings, amqp_url: str, tmp_path: Path
) -> None:
    await a_job(ledger, 1)
    other = ledger.model_copy(update={"home": tmp_path / "other"})
    other.home.mkdir()
    first_port, second_port = free_port(), free_port()
    with scheduler(ledger, amqp_url, first_port) as first:
        await asyncio.to_thread(eventually, lambda: is_ready(first_port), within_s=30, what="ready")
        with scheduler(other, amqp_url, second_port) as second:
            assert second.stderr is not None
            said = await asyncio.to_thread(second.stderr.readline)
            stood_by = not is_ready(second_port)
            first.kill()

            await asyncio.to_thread(eventually, lambda: is_ready(second_port), within_s=30, what="taken over")

            taken_over_at = datetime.now(UTC)
            await eventually_decided(ledger, after=taken_over_at)

    assert "standing by" in said
    assert stood_by
    assert_every_second_once([row.nominal_at for row in await runs(ledger)])


async def test_a_scheduler_that_stands_by_stops_when_told(
    ledger: DatabaseSettings, amqp_url: str, tmp_path: Path
) -> None:
    async with writer(ledger) as database:
        await write(database, "held")
        with scheduler(ledger, amqp_url) as process:
            assert process.stderr is not None
            said = await asyncio.to_thread(process.stderr.readline)
            process.terminate()
            await asyncio.to_thread(process.wait, 20)

    assert "standing by" in said
    assert process.returncode == 0


async def test_a_scheduler_that_stood_by_through_an_upgrade_writes_nothing_and_ends(
    ledger: DatabaseSettings, amqp_url: str
) -> None:
    async with writer(ledger) as holder:
        await write(holder, "held")
        with scheduler(ledger, amqp_url) as process:
            assert process.stderr is not None
            said = await asyncio.to_thread(process.stderr.readline)
            async with holder.ledger.begin() as session:
                await session.execute(text("UPDATE alembic_version SET version_num = 'newer'"))
            await holder.ledger.kw["bind"].dispose()
            _, log = await asyncio.to_thread(process.communicate, timeout=30)

    assert "standing by" in said
    assert process.returncode == 1
    assert "the database has schema newer" in log
    assert "portal migrate" in log


async def test_a_scheduler_whose_lock_is_held_for_a_while_goes_on_afterwards(
    ledger: DatabaseSettings, amqp_url: str, postgres: Postgres
) -> None:
    port = free_port()
    await a_job(ledger, 1)
    with scheduler(ledger, amqp_url, port) as process:
        await asyncio.to_thread(eventually, lambda: is_ready(port), within_s=30, what="ready")
        async with writer(ledger) as ghost, asyncio.TaskGroup() as group:
            taking = group.create_task(take_over(ghost))
            await asyncio.to_thread(eventually, lambda: waits(postgres), within_s=10, what="it waits")
            await asyncio.to_thread(postgres.execute, _CUT_OFF_HOLDER)
            await taking
            await eventually_says(process.stderr, "AnotherWriter")
        await eventually_decided(ledger, after=datetime.now(UTC))
        assert process.poll() is None

    assert_every_second_once([row.nominal_at for row in await runs(ledger)])


async def test_a_scheduler_that_was_replaced_for_longer_than_a_ghost_lives_says_so_and_ends(
    ledger: DatabaseSettings, amqp_url: str
) -> None:
    async with writer(ledger) as old, writer(ledger) as another, a_ledger(old, amqp_url) as books:
        await write(another, "held")

        with pytest.raises(SystemExit, match="another scheduler works on this database by now"):
            await books.write(storing("old"))

        assert await names(another) == {"held"}


async def test_a_scheduler_cut_off_from_its_database_for_long_ends(
    server: PrivateServer, database_url: str, amqp_url: str, tmp_path: Path
) -> None:
    settings = DatabaseSettings(home=tmp_path, database_url=database_url)
    async with writer(settings) as database, a_ledger(database, amqp_url) as books:
        await books.write(storing("before"))
        server.stop()

        with pytest.raises(SystemExit, match="has not answered for 60 s"):
            await books.write(storing("after"))


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


async def take_over(database: Database) -> None:
    while True:
        try:
            await write(database, "taken over")
        except AnotherWriter:
            continue
        return


def waits(postgres: Postgres) -> bool:
    (rows,) = postgres.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    return bool(rows)


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
