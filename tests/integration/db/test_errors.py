"""What PostgreSQL's troubles look like from inside: as those of SQLite do."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from shared.db import jobs
from shared.db.engine import LOCKED_OR_DOWN, Database, open_database
from shared.db.schema import refuse_unusable, wait_until_reached
from shared.db.tables import JobRow
from shared.domain.ids import JobId
from shared.domain.job import Definition
from shared.runtime.clock import SystemClock
from shared.runtime.settings import DatabaseSettings
from tests.support.postgres import GUARDED, PrivateServer

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(DatabaseSettings(database_url=database_url), name="test") as opened:
        yield opened


async def insert(database: Database, name: str) -> JobId:
    job_id = JobId(uuid4())
    async with database.ledger.begin() as session:
        await jobs.insert(session, job_id, Definition(name=name, script="hello.py"), now=NOW)
    return job_id


async def names(database: Database) -> set[str]:
    async with database.reading() as session:
        return set(await session.scalars(select(JobRow.name)))


async def test_a_server_that_is_gone_is_down_and_back_it_is_as_before(
    server: PrivateServer, database: Database
) -> None:
    await insert(database, "before")
    server.stop()

    with pytest.raises(OperationalError):
        await insert(database, "during")
    with pytest.raises(OperationalError):
        await names(database)
    server.start()
    await insert(database, "after")

    assert await names(database) == {"before", "after"}


async def test_a_session_that_is_cut_off_in_the_middle_stores_nothing_of_it(
    server: PrivateServer, database: Database
) -> None:
    async def cut_off() -> None:
        async with database.ledger.begin() as session:
            await jobs.insert(session, JobId(uuid4()), Definition(name="half", script="a.py"), now=NOW)
            pid = await session.scalar(text("SELECT pg_backend_pid()"))
            await asyncio.to_thread(server.postgres.execute, f"SELECT pg_terminate_backend({pid})")
            await session.execute(text("SELECT 1"))

    with pytest.raises(LOCKED_OR_DOWN):
        await cut_off()

    assert await names(database) == set()


async def test_a_lock_that_nobody_lets_go_of_is_waited_for_and_then_counts_as_busy(
    database: Database, database_url: str
) -> None:
    await insert(database, "held")
    holder = await asyncpg.connect(database_url)
    try:
        await holder.execute("BEGIN; SELECT 1 FROM jobs FOR UPDATE")

        with pytest.raises(OperationalError, match="lock timeout"):
            await execute(database, "SET LOCAL lock_timeout = '100ms'", "UPDATE jobs SET version = 2")
    finally:
        await holder.close()


async def execute(database: Database, *statements: str) -> None:
    async with database.ledger.begin() as session:
        for statement in statements:
            await session.execute(text(statement))


@pytest.mark.parametrize(
    ("name", "setting"),
    [("lock_timeout", "3s"), ("statement_timeout", "15s"), ("idle_in_transaction_session_timeout", "1min")],
)
async def test_every_wait_on_the_server_has_a_bound(database: Database, name: str, setting: str) -> None:
    async with database.reading() as session:
        assert await session.scalar(text(f"SHOW {name}")) == setting


async def test_a_statement_that_takes_for_ever_counts_as_busy(database: Database) -> None:
    with pytest.raises(OperationalError, match="statement timeout"):
        await execute(database, "SET LOCAL statement_timeout = '100ms'", "SELECT pg_sleep(60)")


async def test_a_cancelled_transaction_stays_cancelled(database: Database) -> None:
    async with asyncio.TaskGroup() as group:
        began = asyncio.Event()

        async def wait() -> None:
            async with database.ledger.begin() as session:
                await session.execute(text("SELECT 1"))
                began.set()
                await session.execute(text("SELECT pg_sleep(60)"))

        waiting = group.create_task(wait())
        await began.wait()
        waiting.cancel()

    assert waiting.cancelled()


async def test_a_value_that_does_not_fit_is_no_trouble_of_the_database(database: Database) -> None:
    job_id = await insert(database, "fits")

    with pytest.raises(DataError):
        async with database.ledger.begin() as session:
            await session.execute(update(JobRow).where(JobRow.id == job_id).values(version=2**40))


async def test_a_value_that_the_server_refuses_is_no_trouble_of_the_database(database: Database) -> None:
    with pytest.raises(DataError):
        await execute(database, "UPDATE jobs SET version = 2 WHERE 1 / (SELECT count(*) FROM jobs) > 0")


async def test_a_name_that_is_taken_is_an_integrity_error(database: Database) -> None:
    await insert(database, "one")

    with pytest.raises(IntegrityError):
        await insert(database, "ONE")


async def test_a_statement_whose_table_was_altered_meanwhile_is_worth_another_try(
    database: Database, server: PrivateServer, database_url: str
) -> None:
    await insert(database, "old")
    await names_twice(database)
    await asyncio.to_thread(
        server.postgres.execute,
        "ALTER TABLE jobs ALTER name TYPE text",
        database=database_url.rpartition("/")[2],
    )

    with pytest.raises(OperationalError):
        await names_twice(database)

    await names_twice(database)


async def names_twice(database: Database) -> None:
    async with database.ledger.begin() as session:
        await session.scalars(select(JobRow.name))


async def test_reading_sees_one_state_and_can_change_nothing(database: Database) -> None:
    async with database.reading() as session:
        before = set(await session.scalars(select(JobRow.name)))
        await insert(database, "meanwhile")
        after = set(await session.scalars(select(JobRow.name)))
        with pytest.raises(Exception, match="read-only"):
            await session.execute(update(JobRow).values(version=2))

    assert before == after == set()
    assert await names(database) == {"meanwhile"}


async def test_who_looks_at_the_server_sees_which_service_it_is(database: Database) -> None:
    async with database.reading() as session:
        assert await session.scalar(text("SHOW application_name")) == "portal test"


@pytest.mark.parametrize(
    ("user", "password", "name", "says"),
    [
        (GUARDED, "wrong", "postgres", "refuses this user or password"),
        ("portal", "", "nowhere", "no such database"),
        (GUARDED, "let me in", "closed", "does not let this user in"),
    ],
)
async def test_a_refusal_for_good_says_what_to_mend_and_never_the_password(
    server: PrivateServer, user: str, password: str, name: str, says: str
) -> None:
    await asyncio.to_thread(server.postgres.execute, *_ROLES)
    url = f"postgresql://{user}@127.0.0.1:{server.port}/{name}"
    settings = DatabaseSettings(database_url=url, database_password=password)

    async with open_database(settings) as database:
        with pytest.raises(SystemExit, match=says) as waited:
            await wait_until_reached(database.reading, SystemClock())
        with pytest.raises(SystemExit, match=says):
            await refuse_unusable(database.reading)

    assert "PORTAL_DATABASE_URL" in str(waited.value) or "Grant" in str(waited.value)
    assert password == "" or password not in str(waited.value)


_ROLES = (
    f"DROP ROLE IF EXISTS {GUARDED}",
    f"CREATE ROLE {GUARDED} LOGIN PASSWORD 'let me in'",
    "DROP DATABASE IF EXISTS closed",
    "CREATE DATABASE closed",
    "REVOKE CONNECT ON DATABASE closed FROM PUBLIC",
)


async def test_the_password_that_comes_by_itself_opens_the_database(server: PrivateServer) -> None:
    await asyncio.to_thread(server.postgres.execute, *_ROLES)
    url = f"postgresql://{GUARDED}@127.0.0.1:{server.port}/postgres?sslmode=prefer"

    async with open_database(DatabaseSettings(database_url=url, database_password="let me in")) as database:
        await wait_until_reached(database.reading, SystemClock(), bound_s=0)


async def test_a_server_that_does_not_come_is_waited_for_no_longer_than_said(server: PrivateServer) -> None:
    server.stop()

    async with open_database(DatabaseSettings(database_url=f"{server.postgres.address}postgres")) as database:
        with pytest.raises(SystemExit, match="Start it first"):
            await wait_until_reached(database.reading, SystemClock(), bound_s=0.2)


async def test_a_database_that_we_do_not_know_is_refused_in_words() -> None:
    with pytest.raises(SystemExit, match=r"postgresql://user@host/name"):
        async with open_database(DatabaseSettings(database_url="mysql://root@localhost/x")):
            pass
