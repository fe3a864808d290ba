"""Runs found by their job: exactly those, in order, however few or many are looked at for a page."""

import random
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.ui.app import Parts
from services.ui.queries import many_runs, runs_search
from shared.db.engine import Database
from shared.domain.run import RunState
from tests.integration.ui.stage import NOW, a_job, a_ledger, a_run, run_rows

NAMES = ("Nightly ledger export", "Ledger check", "Invoice export", "Send mail")
BOUNDS = {"whole": (1_000, 10_000), "walked": (1_000, 0), "of many jobs": (0, 0)}


async def listed(client: httpx.AsyncClient, **params: Any) -> tuple[list[str], list[int]]:
    """Return the ids of all pages, and how many each had."""
    ids: list[str] = []
    sizes: list[int] = []
    after: dict[str, str] = {}
    while True:
        answer = await client.get("/api/v1/runs", params={**params, **after})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        ids += [run["id"] for run in page["items"]]
        sizes.append(len(page["items"]))
        if page["next"] is None:
            return ids, sizes
        assert page["next"] != after.get("after"), "the list goes on for ever"
        after = {"after": page["next"]}


@pytest.mark.parametrize("way", BOUNDS)
async def test_a_search_leaves_the_runs_of_the_jobs_it_finds_on_every_page_once(
    client: httpx.AsyncClient, parts: Parts, database: Database, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    for name, bound in zip(("_FEW_JOBS", "_FEW_RUNS"), BOUNDS[way], strict=True):
        monkeypatch.setattr(runs_search, name, bound)
    monkeypatch.setattr(runs_search, "LOOKED_AT", 7)
    chance = random.Random(3)
    jobs = {name: await a_job(parts, name=name) for name in NAMES}
    states = (RunState.SUCCEEDED, RunState.FAILED, RunState.LOST, RunState.TIMED_OUT)
    runs = [
        # Several are due at once: pages are cut among them.
        a_run(
            jobs[name := chance.choice(NAMES)],
            number,
            state=chance.choice(states),
            executor=chance.choice(["north", "south"]),
            due_at=NOW - timedelta(seconds=chance.randrange(12)),
        )
        for number in range(1, 61)
    ]
    of_job = {job_id: name for name, job_id in jobs.items()}
    # Who reads the rows back from the session would find them expired.
    known = [(str(run.id), of_job[run.job_id], run.state, run.executor, run.due_at, run.id) for run in runs]
    for job_id in jobs.values():
        await a_ledger(database, job_id, run_count=60)
    await run_rows(database, *runs)
    newest = sorted(known, key=lambda run: (run[4], run[5]), reverse=True)

    for params, matches in (
        ({"q": "LEDGER"}, lambda run: "edger" in run[1]),
        ({"q": "export ledger"}, lambda run: run[1] == NAMES[0]),
        ({"q": "no-such-job"}, lambda _: False),
        (
            {"q": "ledger", "state": "failed,lost,timed_out"},
            lambda run: "edger" in run[1] and run[2] != "succeeded",
        ),
        ({"q": "ledger", "executor": "north"}, lambda run: "edger" in run[1] and run[3] == "north"),
    ):
        ids, sizes = await listed(client, **params, limit=4)
        assert ids == [run[0] for run in newest if matches(run)], params
        assert max(sizes) <= 4

    of_one, _ = await listed(client, q="ledger", job=str(jobs[NAMES[1]]))
    of_other, _ = await listed(client, q="ledger", job=str(jobs[NAMES[3]]))
    assert (len(of_one), of_other) == (sum(run[1] == NAMES[1] for run in known), [])


async def test_a_wish_is_for_the_runs_that_the_search_left_and_not_for_some_of_them(
    client: httpx.AsyncClient, parts: Parts, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, other = await a_job(parts, name="Nightly export"), await a_job(parts, name="Send mail")
    await run_rows(
        database,
        *(a_run(found, number, state=RunState.FAILED) for number in (1, 2, 3)),
        a_run(other, 1, state=RunState.FAILED),
    )
    wish = {"action": "rerun", "filter": {"state": "failed", "q": "nightly"}}

    preview = (await client.post("/api/v1/runs/bulk/preview", json=wish)).json()
    without = (
        await client.post("/api/v1/runs/bulk/preview", json={**wish, "filter": {"state": "failed"}})
    ).json()
    monkeypatch.setattr(runs_search, "_FEW_JOBS", 0)
    monkeypatch.setattr(many_runs, "_LOOKED_AT", 2)
    refused = await client.post("/api/v1/runs/bulk/preview", json=wish)

    assert (preview["count"], without["count"]) == (3, 4)
    assert preview["seen"] != without["seen"]
    assert (refused.status_code, "would have to be looked through" in refused.text) == (422, True)
