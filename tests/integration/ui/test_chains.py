"""What a job runs after: saved with it, refused where it would go in circles, shown with its runs."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select

from services.ui.app import Parts
from services.ui.queries.chains import LEVELS
from shared.db.engine import Database
from shared.db.tables import ChainArrivalRow, ChainEdgeRow
from shared.domain.chain import ChainOn, RunsAfter, Upstream
from shared.domain.errors import InvalidInput
from shared.domain.ids import JobId, new_id
from shared.domain.run import Cause, RunState
from tests.integration.ui.stage import NOW, a_draft, a_job, a_ledger, a_run, run_rows


def after(*job_ids: object, on: str = "success", join: str = "all") -> dict[str, Any]:
    return {"join": join, "jobs": [{"job_id": str(one), "on": on} for one in job_ids]}


async def edit(client: httpx.AsyncClient, job_id: object, **changes: Any) -> httpx.Response:
    version = (await client.get(f"/api/v1/jobs/{job_id}")).json()["version"]
    return await client.patch(f"/api/v1/jobs/{job_id}", json={"version": version, **changes})


async def edge_ids(database: Database) -> set[UUID]:
    async with database.reading.begin() as session:
        return set(await session.scalars(select(ChainEdgeRow.id)))


async def an_arrival(database: Database, job_id: JobId, run: Any, **changes: Any) -> None:
    async with database.reading.begin() as session:
        edge = (await session.scalars(select(ChainEdgeRow).where(ChainEdgeRow.job_id == job_id))).first()
    assert edge is not None
    values = {"job_id": job_id, "upstream_id": run.job_id, "upstream_run_id": run.id, "state": run.state}
    await run_rows(
        database, ChainArrivalRow(id=new_id(), edge_id=edge.id, arrived_at=NOW, **values, **changes)
    )


async def test_what_a_job_runs_after_is_saved_and_an_edit_of_another_field_keeps_it(
    parts: Parts, client: httpx.AsyncClient, database: Database
) -> None:
    one, other = await a_job(parts, name="a"), await a_job(parts, name="b")
    body = {"name": "c", "script": "hello.py", "schedule": {"kind": "manual"}}
    value = after(one, other, on="always", join="any")

    job = (await client.post("/api/v1/jobs", json={**body, "runs_after": value})).json()
    first = await edge_ids(database)
    edited = (await edit(client, job["id"], description="more")).json()

    assert edited["runs_after"] == job["runs_after"]
    assert job["runs_after"]["join"] == "any"
    named = [(one["name"], one["on"], one["arrived_at"]) for one in job["runs_after"]["jobs"]]
    assert named == [("a", "always", None), ("b", "always", None)]
    assert (job["schedule_text"], job["no_next"]) == ("After a or b", "after")
    assert await edge_ids(database) == first
    # To wait for all of them is another promise: what arrived for the old one is not counted.
    await edit(client, job["id"], runs_after=after(one, other, on="always"))
    assert not await edge_ids(database) & first
    assert (await edit(client, job["id"], runs_after=after())).json()["schedule_text"] == "Manual only"


async def test_a_circle_is_refused_and_told_in_its_order(parts: Parts, client: httpx.AsyncClient) -> None:
    a = await a_job(parts, name="a")
    b = await a_job(parts, name="b", runs_after=RunsAfter(upstreams=(Upstream(a),)))
    c = await a_job(parts, name="c", runs_after=RunsAfter(upstreams=(Upstream(b),)))

    refused = await edit(client, a, runs_after=after(c))

    assert (refused.status_code, refused.json()["field"]) == (422, "runs_after")
    assert "for ever: a → b → c → a. Take one of them out" in refused.json()["detail"]
    assert (await client.get(f"/api/v1/jobs/{a}")).json()["runs_after"]["jobs"] == []


async def test_two_people_who_save_at_once_cannot_close_a_circle(parts: Parts) -> None:
    jobs = [await a_job(parts, name="a"), await a_job(parts, name="b")]

    saved = await asyncio.gather(
        *(
            parts.portal.commands.edit_job(
                one,
                a_draft(name="ab"[index], runs_after=RunsAfter(upstreams=(Upstream(other),))),
                expected_version=1,
            )
            for index, (one, other) in enumerate((jobs, jobs[::-1]))
        ),
        return_exceptions=True,
    )

    assert sorted(type(one) for one in saved if one != 2) == [InvalidInput]


async def test_a_deleted_job_may_stay_and_may_not_be_chosen_anew(
    parts: Parts, client: httpx.AsyncClient
) -> None:
    gone = await a_job(parts, name="gone")
    was_after = await a_job(parts, name="b", runs_after=RunsAfter(upstreams=(Upstream(gone),)))
    await parts.portal.commands.delete(gone)

    kept = await edit(client, was_after, description="more")
    refused = await edit(client, await a_job(parts, name="c"), runs_after=after(gone))

    assert [one["deleted_at"] is None for one in kept.json()["runs_after"]["jobs"]] == [False]
    assert (refused.status_code, refused.json()["field"]) == (422, "runs_after")
    why = (await client.get(f"/api/v1/jobs/{was_after}/why")).json()["text"]
    assert why == "It runs after other jobs: waits for gone, which is deleted"


async def test_a_job_does_not_come_back_into_a_circle(parts: Parts, client: httpx.AsyncClient) -> None:
    a = await a_job(parts, name="a")
    b = await a_job(parts, name="b", runs_after=RunsAfter(upstreams=(Upstream(a),)))
    c = await a_job(parts, name="c", runs_after=RunsAfter(upstreams=(Upstream(b),)))
    await parts.portal.commands.delete(b)
    assert (await edit(client, a, runs_after=after(c))).status_code == 200

    refused = await client.post(f"/api/v1/jobs/{b}/restore")

    assert refused.status_code == 422
    assert "b → c → a → b" in refused.json()["detail"]
    assert (await client.get(f"/api/v1/jobs/{b}")).json()["deleted_at"]


async def test_runs_name_those_that_started_them_and_those_that_they_started(
    parts: Parts, client: httpx.AsyncClient, database: Database
) -> None:
    a = await a_job(parts, name="a")
    b = await a_job(parts, name="b", runs_after=RunsAfter(upstreams=(Upstream(a, ChainOn.FAILURE),)))
    parent = a_run(a, 12, state=RunState.FAILED)
    child = a_run(b, 4, state=RunState.RUNNING, cause=Cause.CHAIN)
    await a_ledger(database, a, run_count=12)
    await a_ledger(database, b, run_count=4)
    await run_rows(database, parent, child)
    await an_arrival(database, b, parent, taken_at=NOW, run_id=child.id)

    (by,) = (await client.get(f"/api/v1/runs/{child.id}")).json()["started_by"]
    (started,) = (await client.get(f"/api/v1/runs/{parent.id}")).json()["started"]

    assert (by["run_id"], by["job_name"], by["number"], by["state"]) == (str(parent.id), "a", 12, "failed")
    assert (started["run_id"], started["number"], started["state"]) == (str(child.id), 4, "running")


async def test_what_has_arrived_and_waits_is_told(
    parts: Parts, client: httpx.AsyncClient, database: Database
) -> None:
    a, b = await a_job(parts, name="a"), await a_job(parts, name="b")
    c = await a_job(parts, name="c", runs_after=RunsAfter(upstreams=(Upstream(a), Upstream(b))))
    run = a_run(a)
    await a_ledger(database, a, run_count=1)
    await run_rows(database, run)
    await an_arrival(database, c, run)

    answer = (await client.get(f"/api/v1/jobs/{c}/why")).json()

    assert (answer["verdict"], answer["needs_somebody"]) == ("after", False)
    assert answer["text"].startswith("It runs after other jobs: waits for b (a arrived at ")


async def test_the_graph_has_the_jobs_a_few_levels_around_each_at_its_longest_way(
    parts: Parts, client: httpx.AsyncClient
) -> None:
    line = [await a_job(parts, name="0")]
    for number in range(1, 2 * LEVELS + 3):
        upstreams = (Upstream(line[-1]), *([Upstream(line[-2])] if number == 2 + LEVELS else []))
        line.append(await a_job(parts, name=f"{number}", runs_after=RunsAfter(upstreams=upstreams)))
    middle = line[LEVELS + 1]

    graph = (await client.get(f"/api/v1/jobs/{middle}/chain")).json()

    assert {node["name"]: node["level"] for node in graph["nodes"]} == {
        f"{LEVELS + 1 + level}": level for level in range(-LEVELS, LEVELS + 1)
    }
    assert (len(graph["edges"]), graph["more"]) == (2 * LEVELS + 1, 2)
    assert (await client.get(f"/api/v1/jobs/{new_id()}/chain")).status_code == 404
