"""Muted jobs are left out of what needs attention until an end, or until they succeed; on both databases."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.ui.app import Parts
from shared.db.engine import Database
from shared.db.tables import MuteRow
from shared.domain.ids import JobId
from shared.domain.run import Reason, RunState
from tests.integration.ui.stage import NOW, a_job, a_ledger, a_run, run_rows

FAILED = {"state": RunState.FAILED, "finished_at": NOW - timedelta(minutes=5)}


@pytest.fixture
async def failing(parts: Parts, database: Database) -> JobId:
    job_id = await a_job(parts, name="nightly")
    run = a_run(job_id, 7, detail="exit code 1", **FAILED)
    await run_rows(database, run)
    await a_ledger(
        database, job_id, last_run_id=run.id, last_state=RunState.FAILED, last_finished_at=run.finished_at
    )
    return job_id


async def told(client: httpx.AsyncClient) -> dict[str, list[str]]:
    overview = (await client.get("/api/v1/overview")).json()
    return {kind: [one["job_name"] for one in overview[kind]] for kind in ("attention", "braked", "muted")}


async def deeds(client: httpx.AsyncClient) -> list[tuple[str, str, str]]:
    items: list[dict[str, Any]] = (await client.get("/api/v1/activity")).json()["items"]
    return [(one["kind"], one["subject"], one["detail"]) for one in items if "mute" in one["kind"]]


async def test_a_muted_job_is_left_out_until_it_is_unmuted(
    client: httpx.AsyncClient, database: Database, failing: JobId
) -> None:
    await run_rows(database, a_run(failing, 8, state=RunState.SKIPPED, reason=Reason.BRAKED, due_at=NOW))
    path = f"/api/v1/jobs/{failing}/mute"
    versions = (await client.get(f"/api/v1/jobs/{failing}/versions")).json()
    assert await told(client) == {"attention": ["nightly"], "braked": ["nightly"], "muted": []}
    assert (await client.get(path)).json() == {"until": None, "by": None}

    muted = (await client.post(path, json={"for_s": 7_200})).json()
    assert await told(client) == {"attention": [], "braked": [], "muted": ["nightly"]}
    assert (muted["by"], (await client.get(path)).json()) == ("local", muted)
    await client.post(path)  # an hour, in place of two

    assert (await client.delete(path)).json() == {"until": None, "by": None}
    await client.delete(path)
    assert await told(client) == {"attention": ["nightly"], "braked": ["nightly"], "muted": []}
    assert await deeds(client) == [
        ("job-unmuted", "nightly", ""),
        ("job-muted", "nightly", "for 1 h"),
        ("job-muted", "nightly", "for 2 h"),
    ]
    assert (await client.get(f"/api/v1/jobs/{failing}/versions")).json() == versions


async def test_a_mute_is_over_when_the_job_has_succeeded_since(
    client: httpx.AsyncClient, parts: Parts, database: Database, failing: JobId
) -> None:
    later = parts.portal.clock.now() + timedelta(minutes=1)
    before = a_run(failing, 6, state=RunState.SUCCEEDED, finished_at=NOW - timedelta(hours=1))
    await run_rows(database, before)
    await client.post(f"/api/v1/jobs/{failing}/mute")
    assert (await told(client))["muted"] == ["nightly"]

    await run_rows(database, a_run(failing, 8, state=RunState.SUCCEEDED, finished_at=later))
    await run_rows(database, a_run(failing, 9, **{**FAILED, "finished_at": later}))

    assert await told(client) == {"attention": ["nightly"], "braked": [], "muted": []}


async def test_a_mute_has_an_end(client: httpx.AsyncClient, database: Database, failing: JobId) -> None:
    await run_rows(
        database,
        MuteRow(job_id=failing, muted_at=NOW - timedelta(hours=1), muted_by="ann", ends_at=NOW),
    )

    assert await told(client) == {"attention": ["nightly"], "braked": [], "muted": []}


async def test_what_cannot_be_muted_says_why(client: httpx.AsyncClient, parts: Parts, failing: JobId) -> None:
    path = f"/api/v1/jobs/{failing}/mute"

    lengths = [(await client.post(path, json={"for_s": each})) for each in (59, 7 * 86_400 + 1, -1)]
    await client.delete(f"/api/v1/jobs/{failing}")
    gone = await client.post(path)
    unknown = await client.get(f"/api/v1/jobs/{NOW:%Y%m%d}-0000-0000-0000-000000000000/mute")

    assert [(one.status_code, one.json()["field"]) for one in lengths] == [(422, "for_s")] * 3
    assert (gone.status_code, unknown.status_code) == (404, 404)
    assert await deeds(client) == []
