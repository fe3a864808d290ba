"""The week of all jobs over the API, from the schedules that are followed."""

from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from services.ui.app import Parts
from services.ui.queries import week
from shared.db.engine import Database
from tests.integration.ui.stage import NOW, a_draft, a_job, a_ledger

EVERY_HOUR = {"kind": "hourly", "minute": 5}


async def test_what_is_cut_is_said(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(week, "MAX_SCHEDULES", 2)
    for n in range(3):
        await a_job(parts, name=f"job {n}", schedule=EVERY_HOUR)

    shown = await parts.portal.queries.planning.week(start=NOW.date(), zone="UTC")

    assert (shown.cut, shown.counted) == (True, 2)


async def test_paused_deleted_and_manual_jobs_are_not_in_the_week(
    client: httpx.AsyncClient, parts: Parts
) -> None:
    kept = await a_job(parts, schedule=EVERY_HOUR)
    paused = await a_job(parts, name="paused", schedule=EVERY_HOUR)
    deleted = await a_job(parts, name="deleted", schedule=EVERY_HOUR)
    await a_job(parts, name="manual")
    edited = await a_job(parts, name="edited", schedule=EVERY_HOUR)
    await parts.portal.commands.pause(paused)
    await parts.portal.commands.delete(deleted)
    await parts.portal.commands.edit_job(edited, a_draft(name="edited"), expected_version=1)
    tomorrow = (NOW + timedelta(days=1)).date()

    shown = (await client.get("/api/v1/week", params={"start": str(tomorrow), "zone": "UTC"})).json()
    hour = shown["days"][0]["hours"][9]
    jobs = (await client.get("/api/v1/week/jobs", params={"from": hour["begin"], "to": hour["end"]})).json()

    assert (shown["jobs"], shown["starts"]) == (1, 7 * 24)
    assert [UUID(item["job_id"]) for item in jobs["items"]] == [kept]


async def test_a_job_that_was_just_made_is_in_the_week_that_was_just_asked_for(parts: Parts) -> None:
    tomorrow = (NOW + timedelta(days=1)).date()
    before = await parts.portal.queries.planning.week(start=tomorrow, zone="UTC")

    await a_job(parts, schedule=EVERY_HOUR)
    after = await parts.portal.queries.planning.week(start=tomorrow, zone="UTC")

    assert (before.jobs, after.jobs) == (0, 1)


async def test_a_job_that_has_reached_its_end_is_not_in_the_week(parts: Parts, database: Database) -> None:
    for name, version, due_at in [("over", 1, None), ("goes on", 1, NOW), ("edited since", 0, None)]:
        job_id = await a_job(parts, name=name, schedule=EVERY_HOUR)
        await a_ledger(database, job_id, seen_version=version, next_due_at=due_at)

    shown = await parts.portal.queries.planning.week(start=(NOW + timedelta(days=1)).date(), zone="UTC")

    assert shown.jobs == 2


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/v1/week?zone=HKT", "zone"),
        ("/api/v1/week?start=2500-01-01", "start"),
        ("/api/v1/week?start=soon", "start"),
        ("/api/v1/week/jobs?from=2026-12-01T00:00:00Z&to=2026-12-09T00:00:00Z", "to"),
        ("/api/v1/week/jobs?from=2026-12-01T00:00:00&to=2026-12-01T01:00:00Z", "from"),
    ],
)
async def test_a_week_that_is_none_is_refused(client: httpx.AsyncClient, path: str, field: str) -> None:
    answer = await client.get(path)

    assert (answer.status_code, answer.json()["field"]) == (422, field)
