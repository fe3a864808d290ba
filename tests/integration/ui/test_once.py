"""Requests that are sent again, and edits of what was seen: keys and versions in headers."""

from datetime import timedelta

import httpx
from sqlalchemy import func, select

from services.ui.app import Parts
from shared.db import once as onces
from shared.db.engine import Database
from shared.db.once import Once
from shared.db.tables import JobRow, OnceRow, RequestRow
from shared.domain.ids import new_id
from tests.integration.ui.stage import NOW, a_job, a_run, run_rows

JOB = {"name": "hello", "script": "hello.py", "schedule": {"kind": "manual"}}


async def count(database: Database, row: type[RequestRow | JobRow | OnceRow]) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(row)) or 0


async def test_a_request_with_a_key_runs_a_job_once(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    path, key = f"/api/v1/jobs/{await a_job(parts)}/run", {"idempotency-key": "of 30 November"}
    other = f"/api/v1/jobs/{await a_job(parts, name='other')}/run"

    answers = [await client.post(path, headers=key, json={}) for _ in range(3)]
    run_ids = {answer.json()["run_id"] for answer in answers}
    elsewhere = await client.post(other, headers=key, json={})
    another = await client.post(path, headers={"idempotency-key": "of 1 December"}, json={})
    changed = await client.post(path, headers=key, json={"parameters": {"rows": 3}})

    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert len(run_ids) == 1
    assert len(run_ids | {elsewhere.json()["run_id"], another.json()["run_id"]}) == 3
    assert (changed.status_code, changed.json()["field"]) == (422, "Idempotency-Key")
    assert await count(database, RequestRow) == 3


async def test_what_failed_can_be_sent_again_with_its_key(
    client: httpx.AsyncClient, database: Database
) -> None:
    key = {"idempotency-key": "nightly"}
    refused = await client.post("/api/v1/jobs", headers=key, json={**JOB, "script": "nowhere.py"})
    made = await client.post("/api/v1/jobs", headers=key, json=JOB)
    again = await client.post("/api/v1/jobs", headers=key, json=JOB)
    taken = await client.post("/api/v1/jobs", headers={"idempotency-key": "another"}, json=JOB)

    assert (refused.status_code, made.status_code, again.status_code, taken.status_code) == (
        422,
        201,
        201,
        409,
    )
    assert again.json()["id"] == made.json()["id"]
    assert await count(database, JobRow) == 1
    assert await count(database, OnceRow) == 1


async def test_a_run_is_repeated_once(client: httpx.AsyncClient, parts: Parts, database: Database) -> None:
    run = a_run(await a_job(parts))
    path, key = f"/api/v1/runs/{run.id}/rerun", {"idempotency-key": "again"}
    await run_rows(database, run)

    answers = [await client.post(path, headers=key) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert await count(database, RequestRow) == 1


async def test_keys_of_long_ago_go(database: Database) -> None:
    old, new = (Once(key=letter * 64, asked="0" * 64) for letter in "ab")
    async with database.ledger.begin() as session:
        await onces.keep(session, old, new_id(), now=NOW - onces.KEPT - timedelta(seconds=1))
        await onces.keep(session, new, new_id(), now=NOW)

        assert await onces.made_by(session, old) is None
        assert await onces.made_by(session, new) is not None


async def test_an_edit_is_made_on_what_was_seen(client: httpx.AsyncClient, parts: Parts) -> None:
    path = f"/api/v1/jobs/{await a_job(parts)}"
    seen = (await client.get(path)).headers["etag"]

    edited = await client.patch(path, headers={"if-match": seen}, json={"description": "mine"})
    late = await client.patch(path, headers={"if-match": seen}, json={"description": "theirs"})
    blind = await client.patch(path, json={"description": "theirs"})
    odd = await client.patch(path, headers={"if-match": "7"}, json={"description": "theirs"})

    assert (edited.status_code, edited.headers["etag"] != seen) == (200, True)
    assert (late.status_code, late.json()["field"]) == (412, "If-Match")
    assert (blind.status_code, odd.status_code) == (422, 422)
    assert (await client.get(path)).json()["description"] == "mine"
