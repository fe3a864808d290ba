"""Asking for a run once more, over HTTP, and what is shown of it."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.ui.app import Parts
from shared.db.engine import Database
from shared.db.tables import RequestRow
from shared.domain.run import Cause, RunState
from tests.integration.ui.history import rows_of
from tests.integration.ui.stage import NOW, a_job, a_run, an_attempt, run_rows

RUNS = "/api/v1/runs"


async def test_a_run_is_asked_for_again_and_can_be_opened_at_once(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await a_job(parts, args=("a",))
    first = a_run(job_id, 1)
    await run_rows(database, first)

    asked = await client.post(f"{RUNS}/{first.id}/rerun")
    run_id = asked.json()["run_id"]

    (request,) = await rows_of(database, RequestRow)
    assert (asked.status_code, asked.headers["location"]) == (202, f"{RUNS}/{run_id}")
    assert (request.kind, request.cause, request.run_id) == ("rerun", Cause.RERUN, UUID(run_id))
    assert request.scope == {"rerun_of": str(first.id), "args": None}
    waiting = (await client.get(f"{RUNS}/{run_id}")).json()
    assert (waiting["state"], waiting["cause"], waiting["args"]) == ("queued", "rerun", ["a"])
    assert waiting["rerun_of"] == str(first.id)


async def test_other_arguments_are_shown_with_the_run_that_has_them(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await a_job(parts, args=("a",))
    first = a_run(job_id, 7)
    again = a_run(job_id, 8, cause=Cause.RERUN, rerun_of=first.id, args=["b", "c d"])
    of_one_that_is_gone = a_run(job_id, 9, cause=Cause.RERUN, rerun_of=uuid4())
    await run_rows(database, first, again, of_one_that_is_gone)

    asked = await client.post(f"{RUNS}/{first.id}/rerun", json={"args": ["b"]})

    shown = [(await client.get(f"{RUNS}/{one.id}")).json() for one in (first, again, of_one_that_is_gone)]
    waiting = (await client.get(asked.headers["location"])).json()
    assert [one["args"] for one in (*shown, waiting)] == [["a"], ["b", "c d"], ["a"], ["b"]]
    assert [one["rerun_of_number"] for one in shown] == [None, 7, None]


@pytest.mark.parametrize(
    ("changes", "body", "field"),
    [
        ({}, {"args": ["\x00"]}, "args"),
        ({}, {"args": "many"}, "args"),
        ({}, {"argv": []}, "argv"),
        ({"instants": 5, "nominal_until": NOW, "state": RunState.MISSED}, None, "run_id"),
    ],
)
async def test_what_cannot_be_repeated_is_refused(
    client: httpx.AsyncClient,
    parts: Parts,
    database: Database,
    changes: dict[str, Any],
    body: object,
    field: str,
) -> None:
    run = a_run(await a_job(parts), 1, **changes)
    await run_rows(database, run)

    refused = await client.post(f"{RUNS}/{run.id}/rerun", json=body)

    assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert await rows_of(database, RequestRow) == []


async def test_a_run_that_is_not_there_or_whose_job_is_deleted_is_not_repeated(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await a_job(parts)
    run = a_run(job_id, 1)
    await run_rows(database, run)
    await parts.portal.commands.delete(job_id)

    assert (await client.post(f"{RUNS}/{uuid4()}/rerun")).status_code == 404
    assert (await client.post(f"{RUNS}/{run.id}/rerun")).status_code == 404


async def test_attempts_say_when_each_is_due_and_how_many_there_may_be(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    run = a_run(await a_job(parts, policy={"retries": 3}), 1, state=RunState.QUEUED, attempt=2)
    await run_rows(database, run)
    await run_rows(database, an_attempt(run, 1), an_attempt(run, 2, state=RunState.QUEUED, due_at=NOW))

    shown = (await client.get(f"{RUNS}/{run.id}")).json()

    assert shown["tries"] == 4
    assert shown["attempts"][1]["due_at"] == NOW.isoformat().replace("+00:00", "Z")
