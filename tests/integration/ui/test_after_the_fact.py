"""Pauses with their history, resuming with what passed, and running instants after the fact."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.ui.app import Parts
from shared.db.engine import Database
from shared.db.tables import JobRow, PauseRow, RequestRow
from shared.domain.ids import JobId
from shared.domain.run import Reason, RunState
from tests.integration.ui.history import MINUTE, THEN, an_old_job, iso, promised, rows_of
from tests.integration.ui.stage import NOW, a_job, by, run_rows

SECOND = timedelta(seconds=1)


async def a_long_pause(parts: Parts, database: Database, every_s: int) -> JobId:
    """Make a job that has been paused for an hour."""
    job_id = await an_old_job(parts, database, every_s=every_s)
    with by("ann"):
        await parts.portal.commands.pause(job_id)
    async with database.ledger.begin() as session:
        for table in (JobRow, PauseRow):
            row = (await session.scalars(table.__table__.select().with_only_columns(table.id))).one()
            (await session.get_one(table, row)).paused_at = THEN
    return job_id


async def test_a_pause_is_a_row_with_who_and_when(parts: Parts, database: Database) -> None:
    job_id = await a_job(parts)
    commands = parts.portal.commands

    with by("ann"):
        await commands.pause(job_id)
    with by("bob"):
        await commands.pause(job_id)
    with by("bob"):
        await commands.resume(job_id)
    await commands.resume(job_id)
    with by("cyd"):
        await commands.pause(job_id)

    rows = await rows_of(database, PauseRow)
    assert [(row.paused_by, row.resumed_by) for row in rows] == [("ann", "bob"), ("cyd", None)]
    assert rows[0].paused_at < rows[0].resumed_at <= rows[1].paused_at


async def test_a_job_says_who_paused_it(client: httpx.AsyncClient, parts: Parts) -> None:
    job_id = await a_job(parts)
    with by("ann"):
        await parts.portal.commands.pause(job_id)

    paused = (await client.get(f"/api/v1/jobs/{job_id}")).json()
    resumed = (await client.post(f"/api/v1/jobs/{job_id}/resume")).json()

    assert (paused["paused_by"], resumed["paused_by"]) == ("ann", None)


async def test_what_passed_in_a_pause_is_counted(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await a_long_pause(parts, database, every_s=600)

    passed = (await client.get(f"/api/v1/jobs/{job_id}/resume")).json()

    assert (passed["paused_by"], passed["count"], passed["most"]) == ("ann", 6, 100)
    assert (passed["first"], passed["last"]) == (iso(THEN + 10 * MINUTE), iso(THEN + 60 * MINUTE))


async def test_nothing_passed_where_nothing_is_paused(client: httpx.AsyncClient, parts: Parts) -> None:
    job_id = await a_job(parts)

    passed = (await client.get(f"/api/v1/jobs/{job_id}/resume")).json()

    assert (passed["paused_at"], passed["count"]) == (None, 0)


@pytest.mark.parametrize(
    ("every_s", "catch_up", "after"),
    [
        (600, "all", THEN),
        (600, "latest", THEN),
        (10, "all", THEN + 2_600 * SECOND),  # the newest 100 of 360
    ],
)
async def test_resuming_asks_for_what_passed_in_the_same_transaction(
    client: httpx.AsyncClient,
    parts: Parts,
    database: Database,
    every_s: int,
    catch_up: str,
    after: datetime,
) -> None:
    job_id = await a_long_pause(parts, database, every_s)

    response = await client.post(f"/api/v1/jobs/{job_id}/resume", json={"catch_up": catch_up})
    again = await client.post(f"/api/v1/jobs/{job_id}/resume", json={"catch_up": catch_up})

    assert (response.json()["paused_at"], again.status_code) == (None, 200)
    (request,) = await rows_of(database, RequestRow)
    assert (request.kind, request.job_id, request.cause) == ("backfill", job_id, "backfill")
    assert request.scope["after"] == iso(after)
    assert datetime.fromisoformat(request.scope["until"]) >= NOW
    assert (request.scope["which"], request.scope["schedule_id"]) == (catch_up, None)


@pytest.mark.parametrize("body", [None, {}, {"catch_up": "none"}])
async def test_resuming_asks_for_nothing_unless_it_is_told_to(
    client: httpx.AsyncClient, parts: Parts, database: Database, body: object
) -> None:
    job_id = await a_long_pause(parts, database, every_s=600)

    response = await client.post(f"/api/v1/jobs/{job_id}/resume", json=body)

    assert response.status_code == 200
    assert await rows_of(database, RequestRow) == []


async def test_a_pause_without_instants_asks_for_nothing(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await a_job(parts)
    await parts.portal.commands.pause(job_id)

    await client.post(f"/api/v1/jobs/{job_id}/resume", json={"catch_up": "all"})

    assert await rows_of(database, RequestRow) == []


async def test_another_word_for_catching_up_is_refused(client: httpx.AsyncClient, parts: Parts) -> None:
    job_id = await a_job(parts)

    response = await client.post(f"/api/v1/jobs/{job_id}/resume", json={"catch_up": "some"})

    assert (response.status_code, response.json()["field"]) == (422, "catch_up")


async def previewed(client: httpx.AsyncClient, job_id: JobId, after: datetime, until: datetime) -> Any:
    params = {"after": after.isoformat(), "until": until.isoformat()}
    response = await client.get(f"/api/v1/jobs/{job_id}/backfill", params=params)
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_preview_says_what_became_of_each_instant_and_what_would_run(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await an_old_job(parts, database)
    await run_rows(
        database,
        PauseRow(
            id=uuid4(), job_id=job_id, paused_at=THEN - MINUTE, paused_by="ann", resumed_at=THEN + MINUTE,
            resumed_by="ann",
        ),
    )  # fmt: skip
    skipped = {"state": RunState.SKIPPED, "reason": Reason.OVERLAP}
    missed = {"state": RunState.MISSED, "reason": Reason.DOWNTIME, "instants": 2}
    await promised(database, job_id, THEN + 10 * MINUTE, 1, **skipped)
    await promised(database, job_id, THEN + 20 * MINUTE, 2, nominal_until=THEN + 30 * MINUTE, **missed)
    await promised(database, job_id, THEN + 40 * MINUTE, 3)
    await promised(database, job_id, THEN + 50 * MINUTE, 4, state=RunState.FAILED)

    found = await previewed(client, job_id, THEN - 20 * MINUTE, THEN + 50 * MINUTE)

    assert [(item["happened"], item["runs"]) for item in found["items"]] == [
        ("never", True),
        ("paused", True),
        ("skipped", True),
        ("missed", True),
        ("missed", True),
        ("succeeded", False),
        ("failed", True),
    ]
    assert (found["count"], found["runs"], found["refused"]) == (7, 6, None)
    assert found["items"][0]["at"] == iso(THEN - 10 * MINUTE)
    assert found["items"][2]["number"] == 1


async def test_too_many_instants_are_counted_and_refused(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    since = (NOW - timedelta(days=3_000)).isoformat()
    job_id = await a_job(parts, schedule={"kind": "interval", "every_s": 1, "anchor": since})

    many = await previewed(client, job_id, THEN, THEN + 101 * SECOND)
    years = await previewed(client, job_id, NOW - timedelta(days=3_000), NOW)

    assert (many["count"], many["runs"], len(many["items"])) == (101, 0, 101)
    assert "at most 100" in many["refused"]
    assert years["items"] == []
    assert years["count"] >= 3_000 * 86_400 - 1
    assert "at most 100" in years["refused"]


async def test_a_range_is_asked_for_up_to_now(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await an_old_job(parts, database)
    schedule_id = str(uuid4())
    body = {"after": THEN.isoformat(), "until": (NOW + timedelta(days=9)).isoformat()}

    response = await client.post(f"/api/v1/jobs/{job_id}/backfill", json={**body, "schedule_id": schedule_id})

    (request,) = await rows_of(database, RequestRow)
    assert (response.status_code, response.json()["request_id"]) == (202, str(request.id))
    assert (request.kind, request.scope["which"]) == ("backfill", "all")
    assert (request.scope["after"], request.scope["schedule_id"]) == (iso(THEN), schedule_id)
    assert datetime.fromisoformat(request.scope["until"]) < NOW + MINUTE


@pytest.mark.parametrize(
    ("after", "until", "status"),
    [(THEN, THEN, 422), (NOW + MINUTE, NOW + 2 * MINUTE, 422), (THEN, THEN - MINUTE, 422)],
)
async def test_an_empty_range_is_refused(
    client: httpx.AsyncClient,
    parts: Parts,
    database: Database,
    after: datetime,
    until: datetime,
    status: int,
) -> None:
    job_id = await a_job(parts)
    body = {"after": after.isoformat(), "until": until.isoformat()}

    response = await client.post(f"/api/v1/jobs/{job_id}/backfill", json=body)

    assert (response.status_code, response.json()["field"]) == (status, "until")
    assert await rows_of(database, RequestRow) == []


@pytest.mark.parametrize(("method", "path"), [("POST", "pause"), ("POST", "resume"), ("POST", "backfill")])
async def test_what_is_deleted_is_not_found(
    client: httpx.AsyncClient, parts: Parts, method: str, path: str
) -> None:
    job_id = await a_job(parts)
    await parts.portal.commands.delete(job_id)
    body = {"after": THEN.isoformat(), "until": NOW.isoformat()} if path == "backfill" else None

    response = await client.request(method, f"/api/v1/jobs/{job_id}/{path}", json=body)

    assert response.status_code == 404
