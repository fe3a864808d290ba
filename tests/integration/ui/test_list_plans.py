"""How SQLite answers the lists: by indexes, for what it reads then does not grow with what there is.

Without statistics its plans are the same for an empty database as for a full one.
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import event

from services.ui import app
from services.ui.models import JobFilter, JobSort
from services.ui.settings import UiSettings
from shared.db.engine import open_database
from tests.integration.ui.stage import NOWHERE, ClockFromNow, a_client

SCRIPTS = Path(__file__).parents[3] / "scripts"
RUNS = {
    "runs": "ix_runs_due",
    "runs?state=failed": "ix_runs_state_due",
    "runs?state=failed,lost,timed_out": "ix_runs_state_due",
    "runs?executor=north": "ix_runs_executor_due",
    "runs?cause=manual": "ix_runs_cause_due",
    "runs?reason=overlap": "ix_runs_reason_due",
    "runs?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z": "ix_runs_due",
    f"runs?job={uuid4()}": "autoindex_runs",
    f"runs?job={uuid4()}&state=failed": "ix_runs_job_state_number",
    f"runs?job={uuid4()}&state=failed,lost": "ix_runs_job_state_number",
}
LISTS = [
    *(f"jobs?sort={sort}" for sort in JobSort),
    *(f"jobs?state={state}&sort={sort}" for state in JobFilter for sort in JobSort),
    *("jobs?q=nightly", "jobs?q=nightly+report&sort=last", "jobs?q=nightly&state=failing&sort=next"),
    *RUNS,
    *("runs?q=nightly", "runs?q=nightly&state=failed,lost"),
    *("overview", "executors", "health", "utilisation"),
]
GROWS = "runs|attempts|job_ledgers|job_texts|schedules|cursors|requests"
# A walk through an index of jobs ends when the page is full.
READS_ALL = re.compile(rf"SCAN (({GROWS})\b(?! USING INDEX)|jobs$)")


@pytest.fixture
async def asked(home: Path) -> AsyncIterator[tuple[httpx.AsyncClient, list[str]]]:
    """A client of a portal on SQLite, and the plan of every statement that it makes the portal send."""
    settings = UiSettings(home=home, amqp_url=NOWHERE, scripts_dir=SCRIPTS)
    plans: list[str] = []
    async with open_database(settings) as database:

        def explain(_: Any, cursor: Any, statement: str, parameters: Any, *__: Any) -> None:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(f"{row[3]} -- {statement}" for row in cursor.fetchall())

        event.listen(database.reading.kw["bind"].sync_engine, "before_cursor_execute", explain)
        async with a_client(app.compose(settings, database, ClockFromNow()).portal) as client:
            client.base_url = "http://127.0.0.1:8080/api/v1/"
            yield client, plans


async def test_no_list_reads_all_that_there_is(asked: tuple[httpx.AsyncClient, list[str]]) -> None:
    client, plans = asked
    for path in LISTS:
        (await client.get(path)).raise_for_status()

    assert [plan for plan in plans if READS_ALL.match(plan.partition(" --")[0])] == []
    assert any("ix_jobs_paused" in plan for plan in plans)


async def test_each_list_of_runs_is_read_from_the_end_of_its_index(
    asked: tuple[httpx.AsyncClient, list[str]],
) -> None:
    client, plans = asked
    used: dict[str, str] = {}
    for path in RUNS:
        plans.clear()
        await client.get(path)
        used[path] = "\n".join(plan.partition(" --")[0] for plan in plans)

    assert {path: index for path, index in RUNS.items() if index not in used[path]} == {}
    assert [path for path in RUNS if "," not in path and "TEMP B-TREE FOR ORDER" in used[path]] == []
