"""The migrations on both databases: what they make, what they keep, and two of them at once."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import JSON, Connection, Integer, MetaData, String, Uuid, bindparam, select, text
from sqlalchemy.types import TypeEngine

from shared.db import job_texts, jobs
from shared.db.engine import make_engine, open_database
from shared.db.migrate import config_for, upgrade
from shared.db.postgres import Use
from shared.db.schema import newest_revision, problem_with_schema
from shared.db.tables import LedgerBase, LogsBase, PauseRow
from shared.db.types import UtcDateTime
from shared.domain.ids import JobId, new_id
from shared.domain.schedules import Manual
from shared.runtime.settings import DatabaseSettings
from tests.support.eventually import eventually
from tests.support.postgres import Postgres, PrivateServer

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
USE = Use(name="test", connections=1)


async def differences(url: str, *models: MetaData) -> list[object]:
    """Return what the models have and the database has not, or the other way round."""

    def compared(connection: Connection) -> list[object]:
        opts = {"compare_type": True, "include_object": is_modelled}
        context = MigrationContext.configure(connection, opts=opts)
        merged = MetaData()
        for model in models:
            for table in model.tables.values():
                table.to_metadata(merged)
        return list(compare_metadata(context, merged))

    engine = make_engine(url, USE)
    async with engine.connect() as connection:
        found = await connection.run_sync(compared)
    await engine.dispose()
    return found


def is_modelled(_object: object, name: str | None, *_: object) -> bool:
    """Leave out the index of three letters in a row, which is another thing on each database."""
    return not (name or "").startswith(("job_search", "ix_job_texts_body"))


async def test_the_migrations_make_what_the_models_say(store: DatabaseSettings) -> None:
    if store.ledger_url == store.logs_url:
        found = await differences(store.ledger_url, LedgerBase.metadata, LogsBase.metadata)
    else:
        found = [
            *await differences(store.ledger_url, LedgerBase.metadata),
            *await differences(store.logs_url, LogsBase.metadata),
        ]

    assert found == []


async def test_migrating_again_changes_nothing(store: DatabaseSettings) -> None:
    await upgrade(store)

    async with open_database(store) as database:
        assert await problem_with_schema(database.reading) is None


async def test_a_filled_database_of_the_first_version_keeps_its_rows(
    store: DatabaseSettings, tmp_path: Path, postgres: Postgres
) -> None:
    old = DatabaseSettings(home=tmp_path)
    if store.database_url is not None:
        old = DatabaseSettings(home=tmp_path, database_url=postgres.fresh_database())
    await asyncio.to_thread(make_first_version, old)
    job_id = await fill(old)

    await upgrade(old)

    async with open_database(old) as database, database.reading() as session:
        assert await problem_with_schema(database.reading) is None
        head = await jobs.head_of(session, job_id)
        assert head is not None
        followed = await jobs.schedules_of(session, job_id)
        assert (head.name, [one.schedule for one in followed]) == ("kept", [Manual()])
        assert list(await session.scalars(await job_texts.found(session, ("kept", "hello")))) == [job_id]
        assert (await session.scalar(select(PauseRow.paused_at).where(PauseRow.job_id == job_id))) == NOW
    assert await differences(old.ledger_url, LedgerBase.metadata, *_logs_beside(old)) == []
    if store.database_url is not None:
        postgres.drop_database(old.database_url or "")


def make_first_version(settings: DatabaseSettings) -> None:
    if settings.ledger_url == settings.logs_url:
        command.upgrade(config_for(settings.ledger_url, ("ledger", "logs")), "0001")
        return
    command.upgrade(config_for(settings.ledger_url, ("ledger",)), "0001")
    command.upgrade(config_for(settings.logs_url, ("logs",)), "0001")


def _logs_beside(settings: DatabaseSettings) -> tuple[MetaData, ...]:
    return (LogsBase.metadata,) if settings.ledger_url == settings.logs_url else ()


async def fill(settings: DatabaseSettings) -> UUID:
    job_id = JobId(new_id())
    async with open_database(settings) as database, database.ledger.begin() as session:
        for table, row in rows_of_first_version(job_id).items():
            columns = ", ".join(row)
            values = ", ".join(f":{name}" for name in row)
            statement = text(f"INSERT INTO {table} ({columns}) VALUES ({values})")
            kinds = [bindparam(name, type_=kind_of(value)) for name, value in row.items()]
            await session.execute(statement.bindparams(*kinds), row)
    return job_id


def rows_of_first_version(job_id: UUID) -> dict[str, dict[str, object]]:
    job: dict[str, object] = {
        "id": job_id,
        "version": 1,
        "name": "kept",
        "name_key": "kept",
        "description": "",
        "script": "hello.py",
        "args": [],
        "timeout_s": 300,
        "kill_grace_s": 10,
        "on_lost": "fail",
        "overlap": "skip",
        "pool": "default",
        "created_at": NOW,
        "updated_at": NOW,
        "paused_at": NOW,
    }
    schedule = {
        "id": new_id(),
        "job_id": job_id,
        "spec": {"kind": "manual"},
        "zone": "UTC",
        "created_at": NOW,
    }
    return {"jobs": job, "schedules": schedule}


def kind_of(value: object) -> TypeEngine[Any]:
    match value:
        case UUID():
            return Uuid()
        case datetime():
            return UtcDateTime()
        case list() | dict():
            return JSON()
        case int():
            return Integer()
        case _:
            return String()


def migrating(settings: DatabaseSettings) -> subprocess.Popen[str]:
    environment = os.environ | {"PORTAL_HOME": str(settings.home)}
    if settings.database_url is not None:
        environment["PORTAL_DATABASE_URL"] = settings.database_url
    return subprocess.Popen(
        [sys.executable, "-m", "services.cli", "migrate"],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_of_two_migrations_at_once_both_end_well(tmp_path: Path, postgres: Postgres) -> None:
    settings = DatabaseSettings(home=tmp_path, database_url=postgres.fresh_database())

    both = [migrating(settings) for _ in range(2)]
    said = [process.communicate(timeout=60) for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert revision(settings) == newest_revision()
    postgres.drop_database(settings.database_url or "")


def test_a_migration_waits_for_a_server_that_is_not_up_yet(tmp_path: Path, server: PrivateServer) -> None:
    settings = DatabaseSettings(home=tmp_path, database_url=server.postgres.fresh_database())
    server.stop()

    process = migrating(settings)
    try:
        heard = eventually(process.stdout.readline, within_s=30, what="it says what it waits for")  # type: ignore[union-attr]
        server.start()
        said = process.communicate(timeout=60)
    finally:
        process.kill()

    assert "waiting for the database" in heard
    assert process.returncode == 0, said
    assert revision(settings) == newest_revision()


def test_a_migration_of_a_database_that_is_none_says_so_and_ends(
    tmp_path: Path, server: PrivateServer
) -> None:
    settings = DatabaseSettings(home=tmp_path, database_url=f"{server.postgres.address}nowhere")

    process = migrating(settings)
    _, error = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "no such database" in error
    assert "Traceback" not in error


def revision(settings: DatabaseSettings) -> str:
    async def asked() -> str:
        async with open_database(settings) as database, database.reading() as session:
            return str(await session.scalar(text("SELECT version_num FROM alembic_version")))

    return asyncio.run(asked())
