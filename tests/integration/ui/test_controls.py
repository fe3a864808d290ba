"""What people stop and hold back, over the API that pages share."""

import asyncio
from datetime import datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from services.ui.app import Parts
from services.ui.models import HealthState
from services.ui.settings import UiSettings
from shared.db.engine import Database
from shared.db.tables import HoldRow, RequestRow
from shared.domain.ids import BootId, new_id
from shared.domain.run import RunState
from shared.messages.commands import ExecutorDrain
from shared.messages.topology import control_queue
from tests.integration.ui.stage import (
    EXECUTOR,
    NOW,
    a_job,
    a_ledger,
    a_run,
    an_attempt,
    an_executor,
    other_side,
    run_rows,
    serving,
)
from tests.integration.ui.test_why import ask_live

API = "/api/v1"
HOUR = timedelta(hours=1)


async def requests_in(database: Database) -> list[RequestRow]:
    async with database.reading() as session:
        return list(await session.scalars(select(RequestRow).order_by(RequestRow.id)))


async def holds_in(database: Database) -> list[HoldRow]:
    async with database.reading() as session:
        return list(await session.scalars(select(HoldRow).order_by(HoldRow.id)))


async def frozen(client: httpx.AsyncClient, **body: object) -> dict[str, str]:
    answer = await client.post(f"{API}/freeze", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["freeze"]


async def test_a_cancelled_run_is_stopping_at_once_and_says_who_asked(
    parts: Parts, client: httpx.AsyncClient, database: Database
) -> None:
    job_id = await a_job(parts)
    run = a_run(job_id, state=RunState.RUNNING)
    await run_rows(database, run)

    answer = await client.post(f"{API}/runs/{run.id}/cancel")

    assert answer.status_code == 202
    assert (answer.json()["state"], answer.json()["stop_asked_by"]) == ("running", "local")
    (listed,) = (await client.get(f"{API}/runs")).json()["items"]
    assert listed["stop_asked_at"] == answer.json()["stop_asked_at"] is not None
    (request,) = await requests_in(database)
    assert (request.kind, request.run_id, request.job_id) == ("cancel", run.id, job_id)


async def test_a_run_that_is_only_asked_for_can_be_cancelled(
    parts: Parts, client: httpx.AsyncClient, database: Database
) -> None:
    job_id = await a_job(parts)
    run_id = (await client.post(f"{API}/jobs/{job_id}/run")).json()["run_id"]

    answer = await client.post(f"{API}/runs/{run_id}/cancel")

    assert (answer.status_code, answer.json()["stop_asked_by"]) == (202, "local")
    assert [one.kind for one in await requests_in(database)] == ["run_now", "cancel"]


async def test_an_ended_run_is_too_late_to_cancel_and_says_so(
    parts: Parts, client: httpx.AsyncClient, database: Database
) -> None:
    run = a_run(await a_job(parts), state=RunState.TIMED_OUT)
    await run_rows(database, run)

    answer = await client.post(f"{API}/runs/{run.id}/cancel")

    assert answer.status_code == 409
    assert answer.json()["detail"] == "It is too late: this run is timed out already."
    assert (await client.post(f"{API}/runs/{uuid4()}/cancel")).status_code == 404
    assert await requests_in(database) == []


async def test_all_that_waits_of_a_job_is_counted_before_and_asked_for_in_one_request(
    parts: Parts, client: httpx.AsyncClient, database: Database
) -> None:
    job_id = await a_job(parts)
    states = [RunState.HELD, RunState.QUEUED, RunState.RUNNING, RunState.SUCCEEDED]
    later = a_run(job_id, 5, state=RunState.QUEUED, nominal_at=NOW + HOUR)
    await run_rows(database, later, *(a_run(job_id, n, state=state) for n, state in enumerate(states)))

    before = await client.get(f"{API}/jobs/{job_id}/cancel-waiting")
    asked = await client.post(f"{API}/jobs/{job_id}/cancel-waiting")

    assert (before.json(), asked.status_code) == ({"waiting": 2}, 202)
    (request,) = await requests_in(database)
    assert (request.kind, request.run_id) == ("cancel_waiting", None)
    assert asked.json() == {"request_id": str(request.id)}


async def test_a_freeze_is_told_with_its_end_and_ends_when_it_is_lifted(
    parts: Parts, client: httpx.AsyncClient, database: Database
) -> None:
    freeze = await frozen(client, for_s=900)

    since, until = (datetime.fromisoformat(freeze[key]) for key in ("since", "until"))
    assert timedelta(minutes=15) <= until - since < timedelta(minutes=16)
    assert (until.second, until.microsecond) == (0, 0)
    assert freeze["by"] == "local"
    health = await parts.portal.queries.health()
    assert health.freeze is not None

    lifted = await client.delete(f"{API}/freeze")

    assert lifted.json() == {"freeze": None}
    (row,) = await holds_in(database)
    assert (row.lifted_by, row.lifted_at is not None) == ("local", True)


async def test_freezing_again_replaces_the_end(client: httpx.AsyncClient) -> None:
    until = (NOW + 2 * HOUR).isoformat()
    await frozen(client, for_s=60)

    freeze = await frozen(client, until=until)

    assert datetime.fromisoformat(freeze["until"]) == NOW + 2 * HOUR
    assert (await client.get(f"{API}/freeze")).json() == {"freeze": freeze}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"for_s": 0},
        {"for_s": 60, "until": (NOW + HOUR).isoformat()},
        {"until": (NOW - HOUR).isoformat()},
        {"for_s": 31 * 86_400},
    ],
)
async def test_a_freeze_has_one_end_and_it_is_to_come(
    client: httpx.AsyncClient, body: dict[str, object]
) -> None:
    answer = await client.post(f"{API}/freeze", json=body)

    assert answer.status_code == 422
    assert (await client.get(f"{API}/freeze")).json() == {"freeze": None}


async def test_a_pool_is_paused_and_resumed(
    parts: Parts, client: httpx.AsyncClient, database: Database
) -> None:
    await a_job(parts, pool="heavy")
    await run_rows(database, an_executor(pools=["default", "heavy"], slots=3))

    paused = (await client.post(f"{API}/pools/heavy/pause")).json()["items"]
    again = await client.post(f"{API}/pools/heavy/pause")

    assert again.status_code == 200
    assert [(one["name"], one["jobs"], one["slots"]) for one in paused] == [
        ("default", 0, 3),
        ("heavy", 1, 3),
    ]
    assert [one["paused_by"] for one in paused] == [None, "local"]
    resumed = (await client.post(f"{API}/pools/heavy/resume")).json()["items"]
    assert [one["paused_by"] for one in resumed] == [None, None]
    assert (await client.post(f"{API}/pools/no such pool/pause")).status_code == 422


async def test_an_executor_is_drained_by_name_until_it_is_resumed(
    client: httpx.AsyncClient, database: Database
) -> None:
    await run_rows(database, an_executor())

    (drained,) = (await client.post(f"{API}/executors/{EXECUTOR}/drain")).json()["items"]
    (resumed,) = (await client.post(f"{API}/executors/{EXECUTOR}/resume")).json()["items"]

    assert (drained["drained_by"], drained["drained_at"] is not None) == ("local", True)
    assert (resumed["drained_by"], resumed["drained_at"]) == (None, None)
    assert (await client.post(f"{API}/executors/nobody/drain")).status_code == 404


async def test_a_pool_that_nobody_serves_is_told_while_runs_wait_for_it(
    parts: Parts, client: httpx.AsyncClient, database: Database
) -> None:
    job_id = await a_job(parts, pool="heavy")
    run = a_run(job_id, state=RunState.QUEUED)
    await run_rows(database, an_executor(), run)
    await run_rows(database, an_attempt(run, pool="heavy"))
    await a_ledger(database, job_id)

    health = (await client.get(f"{API}/health")).json()

    assert health["unserved"] == [{"pool": "heavy", "waiting": 1, "min_sandbox": "any"}]
    pools = (await client.get(f"{API}/pools")).json()["items"]
    assert [(one["name"], one["executors_online"], one["waiting"]) for one in pools] == [
        ("default", 1, 0),
        ("heavy", 0, 1),
    ]
    assert (await parts.portal.queries.health()).state is HealthState.DEGRADED


async def test_a_level_that_nobody_offers_is_told_when_a_job_asks_for_it_and_while_runs_wait(
    parts: Parts, client: httpx.AsyncClient, database: Database
) -> None:
    await run_rows(database, an_executor("a", sandbox="process"), an_executor("b", sandbox="restricted"))
    await run_rows(database, an_executor("c", sandbox="isolated", online=False))
    job_id = await a_job(parts)
    job = (await client.get(f"{API}/jobs/{job_id}")).json()
    edit = {"version": job["version"], "min_sandbox": "isolated"}

    edited = (await client.patch(f"{API}/jobs/{job_id}", json=edit)).json()

    lacking = "No executor of pool default offers isolated. Start one on a host that allows namespaces, "
    assert (job["warnings"], edited["warnings"]) == ([], [f"{lacking}or lower the job's minimum."])
    run = a_run(job_id, state=RunState.QUEUED)
    await run_rows(database, run)
    await run_rows(database, an_attempt(run))
    await a_ledger(database, job_id)
    health = (await client.get(f"{API}/health")).json()
    assert health["unserved"] == [{"pool": "default", "waiting": 1, "min_sandbox": "isolated"}]
    assert health["offers"] == {"default": "restricted"}
    assert await ask_live(parts, job_id, None) == (
        "no-executor",
        "No executor of pool default offers isolated",
    )


async def test_why_names_the_freeze_and_then_the_paused_pool(
    parts: Parts, client: httpx.AsyncClient, database: Database
) -> None:
    job_id = await a_job(parts, pool="heavy")
    run = a_run(job_id, state=RunState.QUEUED)
    await run_rows(database, an_executor(pools=["heavy"]), run)
    await run_rows(database, an_attempt(run, pool="heavy"))
    await a_ledger(database, job_id)
    await client.post(f"{API}/pools/heavy/pause")
    await frozen(client, for_s=900)

    first = (await client.get(f"{API}/jobs/{job_id}/why")).json()
    await client.delete(f"{API}/freeze")
    then = (await client.get(f"{API}/jobs/{job_id}/why")).json()

    assert (first["verdict"], then["verdict"]) == ("frozen", "pool-paused")
    assert first["sentence"][0]["text"].startswith("Everything is frozen")
    assert then["sentence"][0]["text"].startswith("Pool heavy is paused")


async def test_an_executor_hears_at_once_that_it_is_drained_and_that_it_is_resumed(
    live_settings: UiSettings, live_parts: Parts, database: Database, amqp_url: str
) -> None:
    await run_rows(database, an_executor())
    controls = live_parts.portal.controls

    async with other_side(amqp_url) as (_, consumer), serving(live_settings, live_parts):
        async with consumer(control_queue(EXECUTOR, BootId(new_id()))) as told:
            for change in (controls.drain, controls.resume_executor):
                await change(EXECUTOR)
                async with asyncio.timeout(30):
                    delivery = await told.next()
                assert delivery.message == ExecutorDrain(
                    id=delivery.message.id, source="ui", time=delivery.message.time, executor=EXECUTOR
                )
