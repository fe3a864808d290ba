"""Why did it not run: asked over the API, answered from rows of the ledger as it really stands."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.ui.app import Parts
from shared.db.engine import Database
from shared.domain.ids import JobId
from shared.domain.run import Cause, Reason, RunState
from tests.integration.ui.history import MINUTE, THEN, an_old_job, iso, promised
from tests.integration.ui.stage import (
    NOW,
    a_job,
    a_ledger,
    a_run,
    an_attempt,
    an_executor,
    by,
    run_rows,
)


async def answer(client: httpx.AsyncClient, job_id: UUID, at: datetime | None = None) -> dict[str, Any]:
    params = {} if at is None else {"at": at.isoformat()}
    response = await client.get(f"/api/v1/jobs/{job_id}/why", params=params)
    assert response.status_code == 200, response.text
    return response.json()


def said(found: dict[str, Any]) -> tuple[str, str]:
    return found["verdict"], found["text"]


async def test_a_skipped_instant_names_the_run_that_was_going(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await an_old_job(parts, database)
    ended = THEN + MINUTE
    before = await promised(database, job_id, THEN - 10 * MINUTE, 1, finished_at=ended, started_at=THEN)
    await promised(database, job_id, THEN - 20 * MINUTE, 2, finished_at=THEN - MINUTE)
    run = await promised(database, job_id, THEN, 3, state=RunState.SKIPPED, reason=Reason.OVERLAP)

    found = await answer(client, job_id, THEN)

    assert said(found) == ("skipped", f"Skipped: run #1 (due {iso(THEN - 10 * MINUTE)}) was still going")
    assert found["blocker_id"] == str(before.id)
    assert found["run"]["id"] == str(run.id)
    assert found["fix"]["remedy"] == "backfill"
    assert {"at": iso(before.due_at)} in found["sentence"]


async def test_an_instant_within_a_missed_range_is_told_with_the_range(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await an_old_job(parts, database)
    first, last = THEN - 20 * MINUTE, THEN + 20 * MINUTE
    changes = {"state": RunState.MISSED, "reason": Reason.DOWNTIME, "instants": 5, "nominal_until": last}
    await promised(database, job_id, first, 1, **changes)

    for at in (first, THEN, last):
        found = await answer(client, job_id, at)
        words = f"Missed: no scheduler was there from {iso(first)} to {iso(last)} (5 instants)"
        assert said(found) == ("missed", words)
    assert (await answer(client, job_id, THEN + MINUTE))["verdict"] == "no-instant"


async def test_a_pause_answers_for_its_instants_and_only_for_them(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await an_old_job(parts, database, every_s=1)
    with by("ann"):
        await parts.portal.commands.pause(job_id)
    began = (await client.get(f"/api/v1/jobs/{job_id}")).json()["paused_at"]
    after = datetime.fromisoformat(began).replace(microsecond=0) + timedelta(seconds=5)

    found = await answer(client, job_id, after)
    before = await answer(client, job_id, after - timedelta(seconds=30))

    assert found["verdict"] == "paused"
    assert found["text"].startswith("Paused by ann since ")
    assert found["fix"]["remedy"] == "resume"
    assert before["verdict"] == "unrecorded"


async def test_an_instant_that_is_none_offers_its_neighbours(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await an_old_job(parts, database)

    found = await answer(client, job_id, THEN + MINUTE)

    assert found["verdict"] == "no-instant"
    assert found["nearby"] == [iso(THEN), iso(THEN + 10 * MINUTE)]


async def test_a_backfilled_instant_ran(client: httpx.AsyncClient, parts: Parts, database: Database) -> None:
    job_id = await an_old_job(parts, database)
    await promised(database, job_id, THEN, 1, state=RunState.SKIPPED, reason=Reason.OVERLAP)
    later = a_run(job_id, 2, cause=Cause.BACKFILL, nominal_at=THEN, due_at=NOW, duration_ms=3_000)
    await run_rows(database, later)
    await a_ledger(database, job_id, run_count=2)

    found = await answer(client, job_id, THEN)

    assert said(found) == ("ran", "It ran: #2 succeeded in 3 s")


async def test_an_instant_that_ran_is_not_told_by_what_came_later(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await an_old_job(parts, database)
    await promised(database, job_id, THEN, 1, duration_ms=3_000)
    skipped = {"state": RunState.SKIPPED, "reason": Reason.OVERLAP}
    await run_rows(database, a_run(job_id, 2, cause=Cause.BACKFILL, nominal_at=THEN, due_at=NOW, **skipped))
    await a_ledger(database, job_id, run_count=2)

    found = await answer(client, job_id, THEN)

    assert said(found) == ("ran", "It ran: #1 succeeded in 3 s")


async def test_who_asked_for_a_run_is_told(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await a_job(parts)
    at = THEN + timedelta(milliseconds=300)
    await run_rows(database, a_run(job_id, cause=Cause.MANUAL, requested_by="ann", due_at=at, nominal_at=at))

    found = await answer(client, job_id, THEN)

    assert found["verdict"] == "ran"
    assert found["checks"][0]["words"] == [{"text": "Asked for by ann"}]


@pytest.fixture
async def waiting(parts: Parts, database: Database) -> JobId:
    """A run that is due, and two that go before it."""
    job_id = await an_old_job(parts, database)
    for number, at in enumerate([THEN, THEN - 10 * MINUTE], start=1):
        run = await promised(database, job_id, at, number, state=RunState.QUEUED)
        await run_rows(database, an_attempt(run, state=RunState.QUEUED, executor=None))
    other = a_run(job_id, 3, state=RunState.QUEUED, cause=Cause.MANUAL, due_at=NOW - MINUTE)
    await run_rows(database, other)
    await run_rows(database, an_attempt(other, state=RunState.QUEUED, urgent=True, executor=None))
    return job_id


async def ask_live(parts: Parts, job_id: JobId, at: datetime | None) -> tuple[str, str]:
    """Ask while the broker is there."""
    link = parts.portal.queries.link
    link._is_up = lambda: True
    found = await parts.portal.queries.why(job_id, at)
    return found.verdict, found.text


async def test_the_broker_is_the_first_thing_in_the_way(client: httpx.AsyncClient, waiting: JobId) -> None:
    found = await answer(client, waiting, THEN)

    assert said(found) == ("broker-down", "The broker is down: nothing is lost")


async def test_full_slots_tell_the_place_in_the_queue(
    parts: Parts, database: Database, waiting: JobId
) -> None:
    await run_rows(database, an_executor("a", slots=4, busy=4), an_executor("b", slots=4, busy=4))
    await run_rows(database, an_executor("c", draining=True), an_executor("d", pools=["heavy"]))

    full = "Waiting: all 8 slots of pool default are busy, position"
    assert await ask_live(parts, waiting, THEN) == ("waiting", f"{full} 3")
    assert await ask_live(parts, waiting, THEN - 10 * MINUTE) == ("waiting", f"{full} 2")
    # Asked without an instant, the oldest that waits is meant.
    assert await ask_live(parts, waiting, None) == ("waiting", f"{full} 2")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"pools": ["heavy"]}, "No executor serves default"),
        ({"online": False}, f"Every executor of pool default is offline, the last was seen {iso(NOW)}"),
        ({"draining": True}, "Every executor of pool default is draining"),
        ({"problems": ["The disk is full."]}, "No executor of pool default takes runs: The disk is full."),
    ],
    ids=["other-pool", "offline", "draining", "disk"],  # the texts name the time
)
async def test_what_is_wrong_with_the_executors_is_told(
    parts: Parts, database: Database, waiting: JobId, changes: dict[str, Any], text: str
) -> None:
    await run_rows(database, an_executor("a", **changes))

    assert await ask_live(parts, waiting, THEN) == ("no-executor", text)


async def test_a_held_run_waits_for_the_one_before(parts: Parts, database: Database) -> None:
    job_id = await an_old_job(parts, database)
    await promised(database, job_id, THEN - 10 * MINUTE, 1, state=RunState.RUNNING)
    await promised(database, job_id, THEN, 2, state=RunState.HELD)

    verdict, text = await ask_live(parts, job_id, THEN)

    assert (verdict, text) == (
        "waiting",
        f"Waiting: run #1 (due {iso(THEN - 10 * MINUTE)}) is still going",
    )


async def test_a_run_that_nobody_took_up_is_what_the_job_waits_for(parts: Parts, database: Database) -> None:
    job_id = await a_job(parts)
    await parts.portal.commands.run_now(job_id)

    verdict, _ = await ask_live(parts, job_id, None)

    assert verdict == "no-executor"


async def test_without_an_instant_the_newest_one_is_meant(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await an_old_job(parts, database, every_s=1_800)
    newest = THEN + 50 * MINUTE  # the schedule's: THEN - 100 min + 5 * 30 min
    await promised(database, job_id, newest, 1, duration_ms=1_000)

    after_a_run = await answer(client, job_id)
    await run_rows(
        database, a_run(job_id, 2, cause=Cause.MANUAL, due_at=NOW - MINUTE, nominal_at=NOW - MINUTE)
    )
    after_a_manual_one = await answer(client, job_id)

    assert (after_a_run["verdict"], after_a_run["at"]) == ("ran", iso(newest))
    assert after_a_manual_one["run"]["number"] == 2


async def test_a_job_that_never_was_due_is_not_late(client: httpx.AsyncClient, parts: Parts) -> None:
    scheduled = await a_job(parts, schedule={"kind": "interval", "every_s": 3_600})
    manual = await a_job(parts, name="manual")

    assert (await answer(client, scheduled))["verdict"] == "not-yet"
    assert (await answer(client, manual))["verdict"] == "manual"
    assert (await answer(client, manual))["needs_somebody"] is False


@pytest.mark.parametrize(
    "at", ["yesterday", "2026-01-01T09:00", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", ""]
)
async def test_an_instant_that_is_none_of_ours_is_refused(
    client: httpx.AsyncClient, parts: Parts, at: str
) -> None:
    job_id = await a_job(parts)

    response = await client.get(f"/api/v1/jobs/{job_id}/why", params={"at": at})

    assert (response.status_code, response.json()["field"]) == (422, "at")


async def test_an_unknown_job_is_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/api/v1/jobs/{uuid4()}/why")).status_code == 404
