"""One wish for many runs: all that failed are run again, all that wait are cancelled; on both databases."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from services.ui.app import Parts
from shared.db.engine import Database
from shared.db.tables import RequestRow, RunRow
from shared.domain.run import RunState
from tests.integration.ui.stage import NOW, a_job, a_run, run_rows


async def asked(client: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    return await client.post(f"/api/v1/runs/bulk{path}", json=body)


async def requests_of(database: Database) -> list[tuple[str, int]]:
    async with database.reading() as session:
        rows = await session.scalars(select(RequestRow).order_by(RequestRow.requested_at, RequestRow.id))
        return [(row.kind, 1) for row in rows]


async def test_all_that_failed_are_run_again_but_those_that_cannot_be(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id, gone = await a_job(parts), await a_job(parts, name="gone")
    await run_rows(
        database,
        *(a_run(job_id, number, state=RunState.FAILED) for number in (1, 2)),
        a_run(job_id, 3, state=RunState.LOST),
        a_run(job_id, 4),
        a_run(gone, 1, state=RunState.FAILED),
    )
    await parts.portal.commands.delete(gone)
    wish = {"action": "rerun", "filter": {"state": "failed,lost"}}

    preview = (await asked(client, "/preview", **wish)).json()
    told = (await asked(client, "", **wish, expected=4)).json()

    assert (preview["count"], preview["would"]) == (4, 3)
    assert preview["left_out"] == [{"why": "Of a deleted job.", "count": 1, "names": ["gone #1"]}]
    assert (told["done"], len(told["failed"])) == (3, 1)
    assert await requests_of(database) == [("rerun", 1)] * 3


async def test_all_that_wait_are_cancelled_while_they_are_as_many_as_seen(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await a_job(parts)
    await run_rows(database, *(a_run(job_id, number, state=RunState.QUEUED) for number in (1, 2)))
    wish = {"action": "cancel", "filter": {"state": "held,queued", "job": str(job_id)}}

    refused = await asked(client, "", **wish, expected=3)
    told = (await asked(client, "", **wish, expected=2)).json()

    assert (refused.status_code, "2 runs match by now, not 3" in refused.json()["detail"]) == (409, True)
    assert told == {"done": 2, "failed": []}
    assert await requests_of(database) == [("cancel", 1)] * 2


async def test_as_many_other_runs_than_were_shown_are_not_cancelled(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await a_job(parts)
    await run_rows(database, a_run(job_id, 1, state=RunState.QUEUED))
    wish = {"action": "cancel", "filter": {"state": "queued"}}
    preview = (await asked(client, "/preview", **wish)).json()
    async with database.ledger.begin() as session:
        await session.execute(update(RunRow).values(state=RunState.RUNNING))
    await run_rows(database, a_run(job_id, 2, state=RunState.QUEUED))

    refused = await asked(client, "", **wish, expected=preview["count"], seen=preview["seen"])

    assert (refused.status_code, await requests_of(database)) == (409, [])


@pytest.mark.parametrize(
    "change",
    [{"expected": None}, {"filter": {"stat": "failed"}}, {"filter": {"limit": 1}}, {"action": "delete"}],
)
async def test_a_wish_that_could_mean_too_much_is_refused(
    client: httpx.AsyncClient, parts: Parts, database: Database, change: dict[str, Any]
) -> None:
    job_id = await a_job(parts)
    await run_rows(database, a_run(job_id, 1, state=RunState.FAILED, due_at=NOW))

    answer = await asked(client, "", **{"action": "rerun", "filter": {}, "expected": 1, **change})

    assert (answer.status_code, await requests_of(database)) == (422, [])
