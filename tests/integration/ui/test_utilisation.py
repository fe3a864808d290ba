"""How busy the executors were, beside a reckoning of every attempt by itself; one executor and its queues."""

import random
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from services.ui.app import Parts
from services.ui.queries import pools, utilisation
from shared.db.engine import Database
from shared.domain.run import RunState
from tests.integration.ui.stage import NOW, a_job, a_run, an_attempt, an_executor, run_rows

STEP = timedelta(minutes=15)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


async def test_what_spans_steps_goes_on_or_was_lost_counts_as_long_as_it_took_its_slot(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    chance = random.Random(7)
    job_id = await a_job(parts)
    begun: list[tuple[str, datetime, datetime | None]] = []
    for _ in range(60):
        start = NOW - timedelta(seconds=chance.uniform(0, 30 * 3600))
        end = start + timedelta(seconds=chance.choice([0.25, 40, 3000, 9 * 3600]))
        begun.append((chance.choice(["north", "south"]), start, end if end < NOW else None))
    ended_before_it_began = ("south", NOW - timedelta(hours=1), NOW - timedelta(hours=1, seconds=2))
    runs, attempts = [], []
    for number, (name, start, finish) in enumerate([*begun, ended_before_it_began], 1):
        state = RunState.RUNNING if finish is None else chance.choice([RunState.SUCCEEDED, RunState.LOST])
        runs.append(run := a_run(job_id, number, state=state))
        attempts.append(an_attempt(run, executor=name, claimed_at=start, finished_at=finish))
    runs.append(queued := a_run(job_id, 99, state=RunState.QUEUED))
    attempts.append(an_attempt(queued, executor=None))
    await run_rows(database, *runs)
    await run_rows(database, *attempts)

    told = (await client.get("/api/v1/utilisation")).json()
    one = (await client.get("/api/v1/utilisation", params={"executor": "north"})).json()

    now, first = instant(told["ends_at"]), instant(told["starts_at"])
    assert (len(told["items"][0]["busy"]), told["counted_since"]) == (96, None)
    assert first + 95 * STEP <= now < first + 96 * STEP
    for item in told["items"]:
        for step, busy in enumerate(item["busy"]):
            low = first + step * STEP
            high = min(now, low + STEP)
            slots = sum(
                max(timedelta(0), min(end or now, high) - max(start, low)) / (high - low)
                for name, start, end in begun
                if name == item["name"]
            )
            # The stored figures have milliseconds, the last step may be short.
            assert busy == pytest.approx(slots, abs=0.002 + 0.1 / (high - low).total_seconds()), step
    assert [item["name"] for item in told["items"]] == ["north", "south"]
    assert [item["name"] for item in one["items"]] == ["north"]
    assert one["items"][0]["busy"][:95] == told["items"][0]["busy"][:95]


async def test_of_too_much_the_newest_is_counted_and_it_is_said_since_when(
    client: httpx.AsyncClient, parts: Parts, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(utilisation, "MOST_COUNTED", 3)
    job_id = await a_job(parts)
    runs = [a_run(job_id, number) for number in range(1, 6)]
    ends = [NOW - timedelta(hours=hours) for hours in (5, 4, 3, 2, 1)]
    await run_rows(database, *runs)
    await run_rows(
        database,
        *(
            an_attempt(run, claimed_at=end - timedelta(hours=10), finished_at=end)
            for run, end in zip(runs, ends, strict=True)
        ),
    )

    told = (await client.get("/api/v1/utilisation")).json()

    since = instant(told["counted_since"])
    assert ends[1] <= since < ends[1] + STEP
    (item,) = told["items"]
    known = [busy for busy in item["busy"] if busy is not None]
    skipped = (since - instant(told["starts_at"])) // STEP
    assert item["busy"][:skipped] == [None] * skipped
    assert known[0] == pytest.approx(3)


async def test_what_ended_by_a_clock_that_was_days_ahead_takes_no_slot_for_days(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    run = a_run(await a_job(parts))
    await run_rows(database, run)
    day = timedelta(days=1)
    await run_rows(database, an_attempt(run, claimed_at=NOW - 2 * day, finished_at=NOW + 30 * day))

    assert (await client.get("/api/v1/utilisation")).json()["items"] == []


async def test_one_executor_tells_its_queues_and_whether_it_is_older(
    client: httpx.AsyncClient, database: Database
) -> None:
    left = NOW - timedelta(days=30)
    await run_rows(
        database,
        an_executor("old", sandbox="restricted", pools=["heavy"], version="0.9.0", last_seen_at=left),
        an_executor("new", version="0.10.0"),
    )

    told = (await client.get("/api/v1/executors/old")).json()
    unknown = await client.get("/api/v1/executors/nobody")

    assert told["queues"] == [
        "portal.due.heavy",
        "portal.due.heavy.urgent",
        "portal.due.heavy.restricted",
        "portal.due.heavy.restricted.urgent",
    ]
    assert (told["newest_version"], told["version"], told["running"]) == ("0.10.0", "0.9.0", [])
    assert (unknown.status_code, unknown.json()["detail"][:28]) == (404, "There is no executor of this")


async def test_a_pool_tells_what_came_and_ended_lately_or_that_it_is_too_much(
    client: httpx.AsyncClient, parts: Parts, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await a_job(parts)
    minute = timedelta(minutes=1)
    # Due and ended before now, in minutes; None: it waits.
    instants = [(20, 16), (20, 14), (14, None), (3, 2), (-5, None)]
    runs = [a_run(job_id, number) for number in range(1, 6)]
    attempts = [
        an_attempt(
            run,
            state=RunState.QUEUED if ended is None else RunState.FAILED,
            due_at=NOW - due * minute,
            finished_at=None if ended is None else NOW - ended * minute,
        )
        for run, (due, ended) in zip(runs, instants, strict=True)
    ]
    await run_rows(database, *runs)
    await run_rows(database, *attempts)

    (told,) = (await client.get("/api/v1/pools")).json()["items"]
    monkeypatch.setattr(pools, "_MOST_LATELY", 1)
    (beyond,) = (await client.get("/api/v1/pools")).json()["items"]

    assert (told["name"], told["came_15m"], told["ended_15m"], told["waiting"]) == ("default", 2, 2, 1)
    assert (beyond["came_15m"], beyond["ended_15m"]) == (None, None)
