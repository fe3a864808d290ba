"""What people and executors meet at the ui while its PostgreSQL is away, and afterwards."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from services.ui import app
from services.ui.app import Parts
from services.ui.settings import UiSettings
from shared.db.engine import Database, open_database
from shared.db.tables import LogChunkRow
from shared.runtime.clock import SystemClock
from shared.runtime.settings import DatabaseSettings
from tests.integration.ui.conftest import SCRIPTS
from tests.integration.ui.stage import (
    NOWHERE,
    a_draft,
    a_run,
    an_attempt,
    an_output,
    by,
    eventually,
    other_side,
    run_rows,
    serving,
    to_store,
)
from tests.integration.ui.test_service import a_ui, answered, spawned
from tests.support.identity import bearer
from tests.support.postgres import GUARDED, PrivateServer

JOB = {"name": "hello", "script": "hello.py", "schedule": {"kind": "manual"}}


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> UiSettings:
    return UiSettings(
        home=tmp_path, database_url=database_url, amqp_url=NOWHERE, ui_port=0, scripts_dir=SCRIPTS
    )


@pytest.fixture
async def database(settings: DatabaseSettings) -> AsyncIterator[Database]:
    async with open_database(settings, name="ui") as opened:
        yield opened


@pytest.fixture
def parts(settings: UiSettings, database: Database, amqp_url: str) -> Parts:
    with_broker = settings.model_copy(update={"amqp_url": type(settings.amqp_url)(amqp_url)})
    return app.compose(with_broker, database, SystemClock())


async def test_while_it_is_away_every_question_is_answered_by_a_problem_and_afterwards_as_before(
    settings: UiSettings, database: Database, server: PrivateServer
) -> None:
    portal = app.compose(settings, database, SystemClock()).portal
    transport = httpx.ASGITransport(app.guarded(app.machine_side(portal), portal))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8080", headers=bearer(settings.home)
    ) as client:
        job = (await client.post("/api/v1/jobs", json=JOB)).json()
        server.stop()

        refused = [
            await client.get("/api/v1/jobs"),
            await client.get(f"/api/v1/jobs/{job['id']}"),
            await client.get("/api/v1/runs"),
            await client.post("/api/v1/jobs", json={**JOB, "name": "other"}),
            await client.post(f"/api/v1/jobs/{job['id']}/run"),
        ]
        ready = await client.get("/readyz")
        server.start()
        again = await client.get("/api/v1/jobs")

    assert {answer.status_code for answer in refused} == {503}
    assert {answer.headers["content-type"] for answer in refused} == {"application/problem+json"}
    assert (ready.status_code, ready.json()["facts"]["database"]) == (503, False)
    assert again.json()["items"] == [job]


async def test_output_that_came_while_it_was_away_is_stored_when_it_is_back(
    settings: UiSettings, parts: Parts, database: Database, server: PrivateServer, amqp_url: str
) -> None:
    with by("ann"):
        run = a_run(await parts.portal.commands.create_job(a_draft()))
    attempt = an_attempt(run)
    await run_rows(database, run)
    await run_rows(database, attempt)
    async with other_side(amqp_url) as (publisher, _), serving(settings, parts):
        server.stop()
        for seq in range(1, 11):
            await publisher.publish(to_store(an_output(run, attempt.id, seq, f"{seq}\n")))
        server.start()

        seqs = await eventually(lambda: stored(database, 10))

    assert seqs == list(range(1, 11))


async def stored(database: Database, count: int) -> list[int]:
    async with database.reading_logs() as session:
        found = list(await session.scalars(select(LogChunkRow.seq).order_by(LogChunkRow.seq)))
    return found if len(found) >= count else []


async def test_started_before_its_database_it_serves_and_is_ready_when_that_is_up(
    tmp_path: Path, database_url: str, server: PrivateServer
) -> None:
    server.stop()
    async with (
        a_ui(tmp_path, PORTAL_DATABASE_URL=database_url) as ui,
        ui.client() as client,
    ):
        before = await eventually(lambda: answered(client, "/readyz"))
        server.start()
        await eventually(lambda: is_ready(client))
        status, _ = await ui.stopped()

    assert before.status_code == 503
    assert status == 0


async def is_ready(client: httpx.AsyncClient) -> bool:
    answer = await answered(client, "/readyz")
    return answer is not None and answer.status_code == 200


async def test_a_wrong_password_is_said_and_never_shown(tmp_path: Path, server: PrivateServer) -> None:
    roles = (f"DROP ROLE IF EXISTS {GUARDED}", f"CREATE ROLE {GUARDED} LOGIN PASSWORD 'let me in'")
    await asyncio.to_thread(server.postgres.execute, *roles)
    url = f"postgresql://{GUARDED}@127.0.0.1:{server.port}/postgres"

    process = await spawned(tmp_path, PORTAL_DATABASE_URL=url, PORTAL_DATABASE_PASSWORD="open sesame")
    _, error = await process.communicate()

    assert process.returncode == 1
    assert b"refuses this user or password" in error
    assert b"open sesame" not in error
    assert b"Traceback" not in error
