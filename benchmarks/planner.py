"""The planner with many schedules: how long it takes to start, what it costs while nothing is due.

    python -m benchmarks.planner [--schedules 100000] [--idle-s 30]

A ledger on SQLite in a temporary folder is filled by another process; this one then runs the planner's
two loops as the scheduler does, without a broker, for nothing is due. Target: start within 5 s, at most
1 % of a core while idle, at most 100 MB.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from sqlalchemy import insert

from services.scheduler.announcer import Announcer
from services.scheduler.dispatcher import Dispatcher
from services.scheduler.ledger import Ledger
from services.scheduler.settings import SchedulerSettings
from services.scheduler.wakeup import News
from services.scheduler.zone_rules import FACT
from shared.broker import Publisher
from shared.db import migrate
from shared.db.engine import open_database
from shared.db.facts import store_fact
from shared.db.tables import CursorRow, JobLedgerRow, JobRow, ScheduleRow
from shared.domain.ids import new_id
from shared.domain.job import OnLost
from shared.domain.policy import DEFAULT_POLICY, Overlap, policy_to_json
from shared.domain.schedules import from_json, timetable
from shared.runtime.clock import SystemClock
from shared.runtime.settings import DatabaseSettings

_BATCH = 5_000
_ZONES = ("Asia/Hong_Kong", "Europe/London", "America/New_York", "UTC")
TARGETS = {"start_s": 5.0, "idle_percent": 1.0, "rss_mb": 100.0}


def main() -> None:
    """Fill in another process, measure in this one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=100_000)
    parser.add_argument("--idle-s", type=float, default=30)
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill is not None:
        asyncio.run(_fill(options.fill, options.schedules))
        return
    with tempfile.TemporaryDirectory(prefix="planner-") as folder:
        began = time.monotonic()
        command = [sys.executable, "-P", "-m", "benchmarks.planner", "--fill", folder]
        subprocess.run([*command, "--schedules", str(options.schedules)], check=True)
        print(f"filled with {options.schedules:,} schedules in {time.monotonic() - began:.1f} s")
        asyncio.run(_measure(Path(folder), options.idle_s))


async def _measure(home: Path, idle_s: float) -> None:
    settings = SchedulerSettings(home=home, amqp_url=cast("Any", "amqp://unused"))
    clock = SystemClock()
    began = time.monotonic()
    async with open_database(settings, name="benchmark", schedules=True) as database:
        announcer = Announcer(cast("Publisher", None), database.reading, clock)
        dispatcher = Dispatcher(Ledger(database.ledger, clock, announcer), News(), settings)
        looped_at = dispatcher.looped_at
        loops = asyncio.ensure_future(_both(dispatcher))
        while dispatcher.looped_at == looped_at:  # noqa: ASYNC110 - it says so nowhere else
            await asyncio.sleep(0.01)
        _print("start_s", time.monotonic() - began, "s until the first plan")
        cpu, wall = time.process_time(), time.monotonic()
        await asyncio.sleep(idle_s)
        _print(
            "idle_percent",
            100 * (time.process_time() - cpu) / (time.monotonic() - wall),
            f"% of a core over {idle_s:g} s of idling",
        )
        _print("rss_mb", _rss_mb(), "MB resident")
        loops.cancel()
        with suppress(asyncio.CancelledError):
            await loops


async def _both(dispatcher: Dispatcher) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(dispatcher.run())
        group.create_task(dispatcher.run_held())


async def _fill(home: Path, count: int) -> None:
    settings = DatabaseSettings(home=home)
    await migrate.upgrade(settings)
    now = datetime.now(UTC).replace(microsecond=0)
    async with open_database(settings) as database:
        for first in range(0, count, _BATCH):
            rows = [_rows(number, now) for number in range(first, min(first + _BATCH, count))]
            async with database.ledger.begin() as session:
                for index, table in enumerate((JobRow, ScheduleRow, JobLedgerRow, CursorRow)):
                    await session.execute(insert(table), [row[index] for row in rows])
        async with database.ledger.begin() as session:
            # As after every start but the first with new rules of time zones.
            await store_fact(session, FACT, version("tzdata"))


def _rows(number: int, now: datetime) -> tuple[dict[str, Any], ...]:
    """Return one job's rows, as the ui and the scheduler leave them; nothing is due for hours."""
    job_id, schedule_id = new_id(), new_id()
    at = now + timedelta(hours=3, seconds=number % 72_000)
    zone = _ZONES[number % len(_ZONES)]
    spec = {"kind": "cron", "expr": f"{at.minute} {at.hour} {at.day} {at.month} *"}
    next_due_at = timetable(from_json(spec), zone).next_after(now + timedelta(hours=20))
    job = {
        "id": job_id,
        "version": 1,
        "name": f"job {number}",
        "name_key": f"job {number}",
        "description": "",
        "script": "hello.py",
        "args": [],
        "timeout_s": 300,
        "kill_grace_s": 10,
        "on_lost": OnLost.FAIL,
        "overlap": Overlap.SKIP,
        "pool": "default",
        "policy": policy_to_json(DEFAULT_POLICY),
        "created_at": now,
        "updated_at": now,
    }
    schedule = {"id": schedule_id, "job_id": job_id, "spec": spec, "zone": zone, "created_at": now}
    ledger = {"job_id": job_id, "seen_version": 1, "next_due_at": next_due_at}
    cursor = {"schedule_id": schedule_id, "job_id": job_id, "decided_until": now + timedelta(hours=20)}
    return job, schedule, ledger, {**cursor, "next_due_at": next_due_at, "shown_at": next_due_at}


def _rss_mb() -> float:
    line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _print(name: str, value: float, words: str) -> None:
    verdict = "ok" if value <= TARGETS[name] else "TOO MUCH"
    print(f"{value:8.2f} {words} (target {TARGETS[name]:g}): {verdict}", flush=True)


if __name__ == "__main__":
    main()
