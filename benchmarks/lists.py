"""What lists cost with many jobs and a long past: the server's time for every question that the pages ask.

    python -m benchmarks.lists [--home DIR] [--jobs N] [--runs N] [--times 20] [--only TEXT] [--no-browser]

Makes a ledger with `benchmarks.ledger`, in a temporary folder unless `--home` names one, which is kept and
found again. Each question is asked through the REST API without a network. Times are in milliseconds: p50 and
p95 of the wall, and the median of the processor's, by which a target counts as missed, for a wall's time on a
machine that others use says little. Then the same list is used in a real Chromium: `lists_browser`.
"""

import argparse
import asyncio
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
from sqlalchemy import func, select

from benchmarks import ledger, lists_browser
from services.ui import app
from services.ui.gate import Gate
from services.ui.settings import UiSettings
from shared.db import migrate
from shared.db.engine import Database, open_database
from shared.db.tables import JobLedgerRow, RunRow
from shared.runtime.clock import SystemClock
from tests.support.identity import bearer

LIST_MS, SEARCH_MS, OVERVIEW_MS = 30.0, 200.0, 100.0
_DEEP = 20


@dataclass(frozen=True, slots=True)
class Question:
    """A path of the API that a page asks, and what its 95th percentile is to stay below."""

    name: str
    path: str
    target_ms: float = LIST_MS


class ClockOf(SystemClock):
    """The machine's clock, set to when the ledger was made: its last day is still the last day."""

    def __init__(self, then: datetime) -> None:
        self._then = then
        self._began = self.monotonic()

    def now(self) -> datetime:
        """Return the instant as this ledger sees it."""
        return self._then + timedelta(seconds=self.monotonic() - self._began)


def main() -> None:
    """Make the ledger if there is none, measure, and end with 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--only", default="")
    parser.add_argument("--no-browser", action="store_true")
    given = parser.parse_args()
    with _filled(given.home, given.jobs, given.runs) as home:
        missed = asyncio.run(_measure(home, given.times, given.only))
        if not (given.no_browser or given.only):
            missed += lists_browser.measure(home, times=2 * given.times)
    sys.exit(1 if missed else 0)


@contextmanager
def _filled(kept: Path | None, jobs: int, runs: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lists-") as temporary:
        home = kept or Path(temporary)
        if not (home / "portal.db").exists():
            began = time.monotonic()
            ledger.fill(home, jobs=jobs, runs=runs, seed=1)
            print(f"{jobs:,} jobs and {runs:,} runs made in {time.monotonic() - began:.0f} s")
        yield home


async def _measure(home: Path, times: int, only: str) -> int:
    """Return how many targets were missed."""
    amqp = cast("Any", "amqp://nobody:nothing@127.0.0.1:1/")
    settings = UiSettings(home=home, amqp_url=amqp, scripts_dir=Path("scripts"))
    await migrate.upgrade(settings)
    missed = 0
    async with open_database(settings, name="benchmark") as database:
        newest = await _newest(database)
        parts = app.compose(settings, database, ClockOf(newest))
        site = Gate(app.machine_side(parts.portal), parts.portal.access, settings.place)
        base = "http://127.0.0.1/api/v1"
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(site), base_url=base, headers=bearer(home)
        ) as client:
            print(f"{'':34} {'p50':>8} {'p95':>8} {'cpu':>8} {'target':>7}")
            for question in await _questions(client, database, newest):
                if only in question.name:
                    missed += await _ask(client, question, times)
    return missed


async def _newest(database: Database) -> datetime:
    async with database.reading() as session:
        found = await session.scalar(select(func.max(RunRow.due_at)))
    assert found is not None
    return found


async def _questions(client: httpx.AsyncClient, database: Database, newest: datetime) -> list[Question]:
    async with database.reading() as session:
        busy = await session.scalar(
            select(JobLedgerRow.job_id).order_by(JobLedgerRow.run_count.desc()).limit(1)
        )
    deep = {
        name: await _deep(client, name) for name in ("jobs", "jobs?sort=next", "runs", f"runs?job={busy}")
    }
    day = {"from": newest - timedelta(days=8), "to": newest - timedelta(days=7)}
    window = "&".join(f"{name}={at.isoformat().replace('+00:00', 'Z')}" for name, at in day.items())
    questions = {
        "jobs, first page": "jobs",
        "jobs by next run": "jobs?sort=next",
        "jobs by last run": "jobs?sort=last",
        "jobs, page 21": deep["jobs"],
        "jobs by next run, page 21": deep["jobs?sort=next"],
        **{
            f"jobs {state}": f"jobs?state={state}"
            for state in ("active", "paused", "running", "failing", "deleted")
        },
        **{f"jobs {state} by next run": f"jobs?state={state}&sort=next" for state in ("paused", "failing")},
        **{f"jobs {state} by last run": f"jobs?state={state}&sort=last" for state in ("running", "failing")},
        "jobs of a tag": "jobs?tag=billing",
        "jobs of a tag that fail, by last run": "jobs?tag=billing&state=failing&sort=last",
        "which tags there are": "jobs/tags",
        "runs, first page": "runs",
        "runs, page 21": deep["runs"],
        "runs of a busy job": f"runs?job={busy}&limit=25",
        "runs of a busy job, page 21": deep[f"runs?job={busy}"],
        "failed runs of a busy job": f"runs?job={busy}&state=failed,timed_out,lost&limit=25",
        "runs that failed": "runs?state=failed,timed_out,lost",
        "runs that wait": "runs?state=held,queued",
        "runs that were lost, silent": "runs?state=lost&reason=silent",
        "runs by a rare reason": "runs?reason=downtime",
        "runs on a rare executor": f"runs?executor={ledger.RARE_EXECUTOR}",
        "runs on an executor": "runs?executor=exec-03",
        "runs by hand": "runs?cause=manual",
        "runs by a cause that is none's": "runs?cause=backfill",
        "runs of a day": f"runs?{window}",
        "runs of a day that failed": f"runs?{window}&state=failed,timed_out,lost",
        "executors": "executors",
        "one executor": "executors/exec-03",
        "pools": "pools",
        "health": "health",
        "a job": f"jobs/{busy}",
    }
    words = {
        "rare": ledger.RARE_WORD, "common": "region", "in every third": "re", "two letters": "zq",
        "two words": "export invoice", "a number": "004217", "nothing": "there-is-none",
    }  # fmt: skip
    searches = {f"search, {name}": f"jobs?q={word.replace(' ', '+')}" for name, word in words.items()}
    searches |= {
        "runs of a rare word": f"runs?q={ledger.RARE_WORD}",
        "runs of a common word": "runs?q=region",
        "runs of a word in every third": "runs?q=re",
        "runs of a busy job by its number": "runs?q=000007",
        "runs of a number, lost": "runs?q=000007&state=lost",
        "runs of a common word that failed": "runs?q=region&state=failed,timed_out,lost",
        "runs of a word that is none's": "runs?q=there-is-none",
        "runs of a common word, one executor": "runs?q=region&executor=exec-03",
        "search, common, failing": "jobs?q=region&state=failing",
        "search, common, by last run": "jobs?q=region&sort=last",
    }
    return [
        *(Question(name, path) for name, path in questions.items()),
        *(Question(name, path, SEARCH_MS) for name, path in searches.items()),
        Question("how busy executors were", "utilisation", OVERVIEW_MS),
        Question("how busy one was", "utilisation?executor=exec-03", OVERVIEW_MS),
        Question("overview", "overview", OVERVIEW_MS),
        Question("overview of a day", "overview?hours=24", OVERVIEW_MS),
    ]


async def _deep(client: httpx.AsyncClient, path: str) -> str:
    """Return the path of a page that is reached by so many turns."""
    joined = "&" if "?" in path else "?"
    here = path
    for _ in range(_DEEP):
        page = (await client.get(f"{here}{joined if here == path else '&'}limit=50")).json()
        here = f"{path}{joined}after={page['next']}"
    return here


async def _ask(client: httpx.AsyncClient, question: Question, times: int) -> bool:
    """Ask so often after once that does not count; return whether it took too long."""
    took, cpu = [], []
    gc.collect()
    gc.freeze()  # as services do when they start: `shared.runtime.lifecycle`
    for _ in range(times + 1):
        began, work = time.perf_counter(), time.process_time()
        answer = await client.get(question.path, timeout=60)
        took.append((time.perf_counter() - began) * 1_000)
        cpu.append((time.process_time() - work) * 1_000)
        answer.raise_for_status()
    p50, p95 = statistics.median(took[1:]), lists_browser.p95_of(took[1:])
    work_ms = statistics.median(cpu[1:])
    missed = work_ms > question.target_ms
    verdict = " TOO MUCH" if missed else " (the machine is busy)" if p95 > question.target_ms else ""
    print(
        f"{question.name:34} {p50:8.1f} {p95:8.1f} {work_ms:8.1f} {question.target_ms:7.0f}{verdict}",
        flush=True,
    )
    return missed


if __name__ == "__main__":
    main()
