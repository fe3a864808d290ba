"""Lists of jobs and runs: pages, filters and searches, on both databases."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.ui.app import Parts
from services.ui.models import JobFilter, JobSort
from services.ui.queries import RunsFilter, jobs_page
from shared.db.engine import Database
from shared.domain.errors import InvalidInput
from shared.domain.run import Cause, Reason, RunState
from tests.integration.ui.stage import (
    NOW,
    a_draft,
    a_job,
    a_ledger,
    a_run,
    run_rows,
)

MINUTE = timedelta(minutes=1)


async def names_by_page(parts: Parts, limit: int = 2, **question: Any) -> list[str]:
    names: list[str] = []
    after = None
    while True:
        page = await parts.portal.queries.jobs(after=after, limit=limit, **question)
        names += [job.name for job in page.items]
        if (after := page.next) is None:
            return names


@pytest.mark.parametrize(
    "small_near", [(0, 5_000), (0, 1), (1_000, 5_000)], ids=["walked", "far away", "sorted"]
)
@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (JobSort.NAME, ["a", "B", "c", "d", "e"]),
        (JobSort.NEXT, ["e", "c", "d", "a", "B"]),
        (JobSort.LAST, ["B", "a", "c", "d", "e"]),
    ],
)
async def test_pages_hold_every_job_once_in_order(
    *,
    parts: Parts,
    database: Database,
    sort: JobSort,
    order: list[str],
    small_near: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in zip(("_SMALL", "_NEAR"), small_near, strict=True):
        monkeypatch.setattr(jobs_page, name, value)
    next_in = {"e": 1, "c": 2, "d": 2}
    ended_ago = {"a": 2, "B": 1}
    for name in ["e", "c", "B", "d", "a"]:
        job_id = await a_job(parts, name=name)
        next_at = NOW + next_in[name] * MINUTE if name in next_in else None
        last_at = NOW - ended_ago[name] * MINUTE if name in ended_ago else None
        await a_ledger(database, job_id, next_due_at=next_at, last_finished_at=last_at)

    assert await names_by_page(parts, sort=sort) == order
    assert await names_by_page(parts, sort=sort, q="hello") == order  # what is found is ordered as all are


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("NIGHT", ["Night"]),
        ("slow", ["Night"]),
        ("ledger", ["Day"]),
        ("100%", ["Day"]),
        ("%", ["Day"]),
        ("_", []),
        ("py slow NIGHT", ["Night"]),
        ("night ledger", []),
        ("STRASSE", ["Day"]),
        ('"', []),
        ("zw", []),
    ],
)
async def test_a_search_looks_at_name_script_and_description(parts: Parts, q: str, found: list[str]) -> None:
    await a_job(parts, name="Night", script="slow.py")
    await a_job(parts, name="Day", description="Closes the Ledger of the Stra\u00dfe 100%")

    page = await parts.portal.queries.jobs(q=q)

    assert [job.name for job in page.items] == found
    assert (page.total, page.more) == (len(found), False)


@pytest.mark.parametrize("near", [0, 3, 5_000], ids=["walked", "one set read", "all"])
async def test_what_is_in_two_large_sets_is_found_whole(
    parts: Parts, database: Database, monkeypatch: pytest.MonkeyPatch, near: int
) -> None:
    monkeypatch.setattr(jobs_page, "_SMALL", 2)
    monkeypatch.setattr(jobs_page, "_NEAR", near)
    failing = {"a", "c", "f", "g", "h"}
    for number, name in enumerate(["h", "a", "c", "d", "b", "f", "g"]):
        job_id = await a_job(parts, name=name, tags=("billing",) if name in "abc" else ())
        state = RunState.FAILED if name in failing else RunState.SUCCEEDED
        at = NOW - number * MINUTE
        await a_ledger(database, job_id, last_finished_at=at, last_state=state)
    await parts.portal.commands.create_job(a_draft(name="never ran", tags=("billing",)))

    page = await parts.portal.queries.jobs(
        tags=("billing",), state=JobFilter.FAILING, sort=JobSort.LAST, limit=50
    )

    assert ([job.name for job in page.items], page.total, page.more) == (["a", "c"], 2, False)


async def test_a_search_finds_a_job_as_it_is_now(parts: Parts) -> None:
    job_id = await a_job(parts, name="before")
    await parts.portal.commands.edit_job(job_id, a_draft(name="after"), expected_version=1)
    gone = await a_job(parts, name="after all")
    await parts.portal.commands.delete(gone)

    async def found(q: str) -> list[str]:
        return [job.name for job in (await parts.portal.queries.jobs(q=q)).items]

    assert (await found("before"), await found("after")) == ([], ["after"])
    await parts.portal.commands.restore(gone)
    assert await found("after") == ["after", "after all"]


async def test_one_job_and_one_run_are_found_by_name_and_number(
    parts: Parts, database: Database, client: httpx.AsyncClient
) -> None:
    job_id, other = await a_job(parts, name="Straße 1"), await a_job(parts, name="Straße 10")
    await parts.portal.commands.delete(await a_job(parts, name="gone"))
    await run_rows(database, *(a_run(one, number) for one in (job_id, other) for number in (1, 2, 3)))

    async def found(path: str, key: str, **params: object) -> list[object]:
        answer = await client.get(f"/api/v1/{path}", params=params)
        return [item[key] for item in answer.json()["items"]]

    assert await found("jobs", "name", name=" STRASSE 1") == ["Straße 1"]
    assert await found("jobs", "name", name="gone") == []
    assert await found("jobs", "name", name="Straße 1", state="paused") == []
    assert await found("runs", "job_id", job=str(job_id), number=2) == [str(job_id)]
    assert await found("runs", "number", job=str(job_id), number=2) == [2]
    refused = await client.get("/api/v1/runs", params={"number": 2})
    assert (refused.status_code, refused.json()["field"]) == (422, "number")


async def test_a_total_is_not_counted_without_end(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_page, "_SMALL", 2)
    monkeypatch.setattr(jobs_page, "MOST_COUNTED", 2)
    for name in "abc":
        await a_job(parts, name=name)
    await parts.portal.commands.pause(await a_job(parts, name="d"))

    pages = [await parts.portal.queries.jobs(q=q, state=state) for q, state in QUESTIONS]

    assert [(page.total, page.more) for page in pages] == [(2, True), (2, True), (1, False), (1, False)]


QUESTIONS = [("", None), ("hello", None), ("", JobFilter.PAUSED), ("hello", JobFilter.PAUSED)]


async def test_each_filter_shows_its_jobs(parts: Parts, database: Database) -> None:
    commands = parts.portal.commands
    ids = {name: await a_job(parts, name=name) for name in ["live", "paused", "gone", "busy", "bad"]}
    await commands.pause(ids["paused"])
    await commands.delete(ids["gone"])
    await run_rows(database, a_run(ids["busy"], state=RunState.RUNNING))
    await a_ledger(database, ids["bad"], last_state=RunState.LOST)

    shown = {state: await names_by_page(parts, state=state) for state in [None, *JobFilter]}

    assert shown == {
        None: ["bad", "busy", "live", "paused"],
        JobFilter.ACTIVE: ["bad", "busy", "live"],
        JobFilter.PAUSED: ["paused"],
        JobFilter.RUNNING: ["busy"],
        JobFilter.FAILING: ["bad"],
        JobFilter.DELETED: ["gone"],
    }


async def test_a_job_shows_its_last_twenty_runs_and_not_the_future(parts: Parts, database: Database) -> None:
    job_id, other = await a_job(parts), await a_job(parts, name="other")
    runs = [a_run(job_id, number) for number in range(1, 31)]
    future = a_run(job_id, 31, due_at=NOW + MINUTE, state=RunState.QUEUED)
    await run_rows(database, *runs, future, a_run(other))
    await a_ledger(database, job_id, run_count=31)

    job = await parts.portal.queries.job(job_id)

    assert [run.number for run in job.recent] == list(range(12, 31))
    assert job.last_run == job.recent[-1]


async def test_runs_are_paged_newest_first_each_once(parts: Parts, database: Database) -> None:
    job_id, other = await a_job(parts), await a_job(parts, name="other")
    same_instant = [a_run(job_id, number, due_at=NOW) for number in range(4, 7)]
    await run_rows(
        database, *(a_run(job_id, number) for number in range(1, 4)), *same_instant, a_run(other, due_at=NOW)
    )

    async def pages(which: RunsFilter) -> list[UUID]:
        seen, after = [], None
        while True:
            page = await parts.portal.queries.runs(which, after=after, limit=2)
            seen += list(page.items)
            if (after := page.next) is None:
                return [(run.job_name, run.number) for run in seen]

    everything, of_job = await pages(RunsFilter()), await pages(RunsFilter(job_id=job_id))
    by_states = await pages(RunsFilter(states=frozenset(RunState)))

    assert of_job == [("hello", number) for number in range(6, 0, -1)]
    assert sorted(everything) == sorted([*of_job, ("other", 1)])
    assert everything[-3:] == of_job[-3:]
    assert by_states == everything


async def test_runs_are_found_by_state_job_executor_cause_and_time(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await a_job(parts)
    await run_rows(
        database,
        a_run(job_id, 1, state=RunState.FAILED, executor="north", due_at=NOW - 2 * MINUTE),
        a_run(job_id, 2, state=RunState.LOST, cause=Cause.MANUAL, due_at=NOW - MINUTE),
        a_run(job_id, 3, due_at=NOW),
    )

    async def found(**query: str) -> list[int]:
        answer = await client.get("/api/v1/runs", params=query)
        return [run["number"] for run in answer.json()["items"]]

    since = (NOW - MINUTE).isoformat()
    assert await found(state="failed,lost") == [2, 1]
    assert await found(state="succeeded", job=str(job_id)) == [3]
    assert await found(executor="north") == [1]
    assert await found(cause="manual") == [2]
    assert await found(**{"from": since}) == [3, 2]
    assert await found(to=since) == [1]
    assert await found(job=str(uuid4())) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "broken"}, "state"),
        ({"job": "x"}, "job"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"after": "???"}, "after"),
        ({"after": "eyJhIjoxfQ"}, "after"),
        ({"after": "é"}, "after"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-01-01T00:00:00"}, "from"),
        ({"cause": "x"}, "cause"),
    ],
)
async def test_a_question_that_makes_no_sense_is_named(
    client: httpx.AsyncClient, query: dict[str, str], field: str
) -> None:
    answer = await client.get("/api/v1/runs", params=query)

    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize("path", ["jobs?q=%00", "jobs?q=%25", "runs?executor=%00", "jobs?sort=next&q=a%00b"])
async def test_a_question_with_a_nul_finds_nothing(
    client: httpx.AsyncClient, parts: Parts, path: str
) -> None:
    await a_job(parts)

    answer = await client.get(f"/api/v1/{path}")

    assert (answer.status_code, answer.json()["items"]) == (200, [])


async def test_a_cursor_of_another_list_is_refused(parts: Parts) -> None:
    for name in "abc":
        await a_job(parts, name=name)
    page = await parts.portal.queries.jobs(limit=1)

    with pytest.raises(InvalidInput):
        await parts.portal.queries.jobs(sort=JobSort.NEXT, after=page.next)


async def test_runs_are_listed_by_their_reason(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await a_job(parts)
    kinds = [
        (RunState.SKIPPED, Reason.OVERLAP),
        (RunState.SKIPPED, Reason.CALENDAR),
        (RunState.MISSED, Reason.DOWNTIME),
        (RunState.CANCELLED, Reason.OVERLAP),
        (RunState.SUCCEEDED, None),
    ]
    for number, (state, reason) in enumerate(kinds, start=1):
        await run_rows(database, a_run(job_id, number, state=state, reason=reason))

    async def numbers(**params: str) -> list[int]:
        items = (await client.get("/api/v1/runs", params=params)).json()["items"]
        return [item["number"] for item in items]

    assert await numbers(reason="overlap") == [4, 1]
    assert await numbers(reason="overlap", state="skipped,missed") == [1]
    assert await numbers(reason="overlap,downtime", state="skipped,missed") == [3, 1]
    assert await numbers(state="skipped", job=str(job_id), reason="calendar") == [2]
    unknown = await client.get("/api/v1/runs", params={"reason": "mood"})
    assert (unknown.status_code, unknown.json()["field"]) == (422, "reason")
