"""How a job has been doing, counted by hand."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import httpx

from services.ui.app import Parts
from shared.db.engine import Database
from shared.domain.ids import JobId
from shared.domain.run import Cause, RunState
from tests.integration.ui.stage import NOW, a_job, a_run, an_attempt, run_rows

ZONE = "Asia/Hong_Kong"


def started(job_id: JobId, number: int, *, late_ms: int, took_ms: int, **changes: object) -> object:
    due_at = NOW - timedelta(minutes=100 - number)
    start = due_at + timedelta(milliseconds=late_ms)
    values = {"due_at": due_at, "started_at": start, "duration_ms": took_ms, "attempt": 1, **changes}
    return a_run(job_id, number, **values)


async def told(client: httpx.AsyncClient, job_id: JobId, zone: str = ZONE) -> dict[str, object]:
    answer = await client.get(f"/api/v1/jobs/{job_id}/insights", params={"zone": zone})
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


async def test_durations_delays_and_changes_of_the_script_are_those_of_the_runs(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await a_job(parts)
    runs = [
        started(job_id, 1, late_ms=100, took_ms=1000),
        started(job_id, 2, late_ms=101, took_ms=3000),
        started(job_id, 3, late_ms=20_000, took_ms=2000, state=RunState.FAILED),
        started(job_id, 4, late_ms=20_000, took_ms=2000, cause=Cause.MANUAL),
        started(job_id, 5, late_ms=20_000, took_ms=9000, attempt=2),
        a_run(job_id, 6, state=RunState.SKIPPED, attempt=0),
    ]
    await run_rows(database, *runs)
    hashes = ["aa" * 32, "aa" * 32, None, "bb" * 32, "bb" * 32]
    attempts = [
        an_attempt(run, run.attempt, script_sha256=sha256)
        for run, sha256 in zip(runs[:5], hashes, strict=True)
    ]
    await run_rows(database, *attempts)

    found = await told(client, job_id)

    assert [(one["number"], one["duration_ms"], one["changed"]) for one in found["took"]] == [
        (1, 1000, False),
        (2, 3000, False),
        (3, 2000, False),
        (4, 2000, True),
        (5, 9000, False),
    ]
    # Of the succeeded 1000, 2000, 3000, 9000: the second is the median, the last the 95th percentile.
    assert (found["p50_ms"], found["p95_ms"]) == (2000, 9000)
    assert found["delays"] == [1, 1, 0, 0, 0, 1]
    assert found["rates"][0] == {"days": 7, "succeeded": 4, "started": 5}


async def test_a_day_is_the_zones_and_a_missed_range_counts_with_all_its_instants(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await a_job(parts)
    today = NOW.astimezone(ZoneInfo(ZONE)).date()
    day = today - timedelta(days=8)
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(ZONE))
    await run_rows(
        database,
        a_run(job_id, 1, due_at=midnight - timedelta(microseconds=1)),
        a_run(job_id, 2, due_at=midnight),
        a_run(job_id, 3, due_at=midnight, state=RunState.TIMED_OUT),
        a_run(job_id, 4, due_at=midnight, state=RunState.MISSED, instants=40, nominal_until=NOW),
        a_run(job_id, 5, due_at=midnight + timedelta(days=1), state=RunState.RUNNING),
    )

    found = await told(client, job_id)

    days = {one["on"]: (one["succeeded"], one["failed"], one["not_run"]) for one in found["days"]}
    assert days.pop(str(day - timedelta(days=1))) == (1, 0, 0)
    assert days.pop(str(day)) == (1, 1, 40)
    assert set(days.values()) == {(0, 0, 0)}
    first, last = found["days"][0], found["days"][-1]
    assert datetime.fromisoformat(first["on"]).weekday() == 0
    assert last["on"] == str(today)
    assert len(found["days"]) == 25 * 7 + today.weekday() + 1
    assert [one["ends_at"] for one in found["days"][:-1]] == [one["starts_at"] for one in found["days"][1:]]
    assert found["counted"] == 5


async def test_a_job_that_never_ran_has_none_and_an_unknown_zone_is_refused(
    client: httpx.AsyncClient, parts: Parts
) -> None:
    job_id = await a_job(parts)

    found = await told(client, job_id)
    refused = await client.get(f"/api/v1/jobs/{job_id}/insights", params={"zone": "Mars/Olympus"})

    assert (found["counted"], found["took"], found["p50_ms"], found["counted_since"]) == (0, [], None, None)
    assert refused.status_code == 422
