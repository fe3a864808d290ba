"""Shared limits over the API that pages share: their maxima, their places, and why a run waits."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.ui.app import Parts
from shared.db.engine import Database
from shared.domain.ids import JobId
from shared.domain.job import OnLost
from shared.domain.run import Reason, RunState
from tests.integration.ui.stage import NOW, a_job, a_ledger, a_run, an_attempt, an_executor, run_rows

LIMITS = "/api/v1/limits"
KEY = "warehouse-db"
SECOND = timedelta(seconds=1)


async def limits(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    return {one["key"]: one for one in (await client.get(LIMITS)).json()["items"]}


async def an_attempt_of(database: Database, job_id: JobId, number: int, **changes: Any) -> Any:
    """Write a run with one attempt under the key, and return the run."""
    state = changes.pop("state", RunState.RUNNING)
    due_at = NOW - timedelta(minutes=10) + number * SECOND
    run = a_run(job_id, number, state=state, due_at=due_at)
    values = {"limit_key": KEY, "due_at": due_at, "claimed_at": due_at, "settled": False, **changes}
    await run_rows(database, run)
    await run_rows(database, an_attempt(run, **values))
    return run


async def test_a_key_that_a_job_names_is_listed_with_one_place_until_somebody_gives_it_more(
    client: httpx.AsyncClient, parts: Parts
) -> None:
    await a_job(parts, limit_key=KEY)
    assert (await limits(client))[KEY] == {
        "key": KEY, "maximum": 1, "in_use": 0, "waiting": 0, "oldest_waiting_at": None, "jobs": 1,
        "holders": [], "set_by": None, "set_at": None,
    }  # fmt: skip

    for maximum in (3, 2):
        answer = await client.put(f"{LIMITS}/{KEY}", json={"maximum": maximum})
        assert [one["maximum"] for one in answer.json()["items"]] == [maximum]
    assert (await limits(client))[KEY]["set_by"] == "local"

    answer = await client.delete(f"{LIMITS}/{KEY}")
    assert [one["maximum"] for one in answer.json()["items"]] == [1]


@pytest.mark.parametrize(
    ("key", "maximum", "field"),
    [(KEY, 0, "maximum"), (KEY, 1_001, "maximum"), (KEY, None, "maximum"), ("Not a key", 2, "limit_key")],
)
async def test_what_cannot_be_a_limit_is_refused_at_its_field(
    client: httpx.AsyncClient, key: str, maximum: int | None, field: str
) -> None:
    answer = await client.put(f"{LIMITS}/{key}", json={"maximum": maximum})

    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert await limits(client) == {}


async def test_a_job_takes_a_key_and_gives_it_back(client: httpx.AsyncClient) -> None:
    body = {"name": "one", "script": "hello.py", "schedule": {"kind": "manual"}, "limit_key": KEY}
    job = (await client.post("/api/v1/jobs", json=body)).json()
    assert job["limit_key"] == KEY
    kept = (await client.patch(f"/api/v1/jobs/{job['id']}", json={"version": 1, "name": "two"})).json()
    assert kept["limit_key"] == KEY

    gone = await client.patch(f"/api/v1/jobs/{job['id']}", json={"version": 2, "limit_key": ""})

    assert gone.json()["limit_key"] is None
    wrong = await client.post("/api/v1/jobs", json={**body, "name": "three", "limit_key": "Not a key"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "limit_key")


async def test_what_holds_a_place_is_named_and_what_waits_for_one_says_for_whom(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job, other = await a_job(parts, name="a", limit_key=KEY), await a_job(parts, name="b", limit_key=KEY)
    for one in (job, other):
        await a_ledger(database, one)
    await client.put(f"{LIMITS}/{KEY}", json={"maximum": 2})
    lost = {"state": RunState.LOST, "on_lost": OnLost.FAIL}
    await an_attempt_of(database, job, 12)
    await an_attempt_of(database, other, 7, **lost, may_run_until=NOW + timedelta(hours=1))
    await an_attempt_of(database, other, 6, **lost, may_run_until=NOW - SECOND)
    await an_attempt_of(database, other, 8, state=RunState.QUEUED)
    await an_attempt_of(database, job, 20, state=RunState.QUEUED)
    await an_attempt_of(database, other, 30, state=RunState.QUEUED, urgent=True)
    await run_rows(database, an_executor())

    limit = (await limits(client))[KEY]
    answer = (await client.get(f"/api/v1/jobs/{job}/why")).json()

    assert (limit["in_use"], limit["waiting"], limit["jobs"]) == (2, 3, 2)
    assert [(one["job_name"], one["number"]) for one in limit["holders"]] == [("b", 7), ("a", 12)]
    words = "It waits for warehouse-db: 2 of 2 in use by #7 of b and #12 of a, position 3"
    assert (answer["verdict"], answer["text"]) == ("waiting", words)
    assert answer["fix"]["remedy"] == "open-executors"


async def test_a_job_that_its_brake_slows_down_is_on_the_first_page_for_an_hour(
    parts: Parts, database: Database
) -> None:
    job_id = await a_job(parts, name="runaway")
    braked = {"state": RunState.SKIPPED, "reason": Reason.BRAKED}
    minute = timedelta(minutes=1)
    runs = [a_run(job_id, n, **braked, due_at=NOW - n * 25 * minute) for n in (1, 2, 3)]
    other = a_run(job_id, 4, state=RunState.SKIPPED, reason=Reason.OVERLAP, due_at=NOW - minute)
    await run_rows(database, *runs, other)

    (only,) = (await parts.portal.queries.overview()).braked

    assert (only.job_name, only.runs, only.last_at) == ("runaway", 2, NOW - 25 * minute)
