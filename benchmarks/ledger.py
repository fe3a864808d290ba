"""A large ledger for measurements: many jobs with a long past, the same for the same seed.

    python -m benchmarks.ledger DIR [--jobs 100000] [--runs 1000000] [--seed 1]

Written by bulk SQL into a new SQLite file in some 40 s, as the ui and the scheduler would have left it: forty
percent of the runs are of twenty busy jobs, the last one ends now, and some still run or wait.
"""

import argparse
import asyncio
import json
import random
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.db import migrate
from shared.domain.job import name_key
from shared.domain.policy import DEFAULT_POLICY, policy_to_json
from shared.runtime.settings import DatabaseSettings

BUSY_JOBS = 20
DAYS = 30
EXECUTORS = 12
RUNNING, WAITING = 40, 3_000
RARE_EXECUTOR = "rare-01"
RARE_WORD = "zanzibar"

_SUBJECTS = ("ledger", "invoice", "billing", "report", "customer", "order", "price", "stock", "mail", "index")
_VERBS = (
    "reconcile",
    "export",
    "import",
    "refresh",
    "archive",
    "check",
    "send",
    "rebuild",
    "compress",
    "sync",
)
_SPECS = (
    ({"kind": "interval", "every_s": 3600, "anchor": "2026-01-01T00:00:00Z"}, 60),
    ({"kind": "daily", "at": "02:30"}, 1),
    ({"kind": "cron", "expr": "15 4 * * 1-5"}, 1),
    ({"kind": "manual"}, 0),
)
# In permille of what has ended; the rest succeeded.
_ENDS = (("failed", 50), ("timed_out", 8), ("lost", 4), ("cancelled", 10), ("skipped", 15), ("missed", 5))
_REASONS = {
    "lost": ["silent"],
    "skipped": ["overlap", "calendar"],
    "missed": ["downtime"],
    "cancelled": ["requested"],
}


def main() -> None:
    """Fill the folder that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began = time.monotonic()
    fill(given.home, jobs=given.jobs, runs=given.runs, seed=given.seed)
    print(f"{given.jobs:,} jobs and {given.runs:,} runs in {time.monotonic() - began:.0f} s: {given.home}")


def fill(home: Path, *, jobs: int, runs: int, seed: int) -> None:
    """Make the ledger in a folder that has none yet; `jobs` are more than the busy ones."""
    settings = DatabaseSettings(home=home)
    asyncio.run(migrate.upgrade(settings))
    now = datetime.now(UTC).replace(microsecond=0)
    chance = random.Random(seed)  # noqa: S311 - the same numbers each time are what is wanted
    path = settings.ledger_url.partition(":///")[2]
    with sqlite3.connect(path) as ledger:
        ledger.execute("PRAGMA synchronous=OFF")
        ledger.execute("PRAGMA cache_size=-500000")
        dropped = _drop_indexes(ledger)
        _jobs(ledger, chance, jobs, now)
        _executors(ledger, now)
        _runs(ledger, chance, jobs=jobs, runs=runs, now=now)
        _ledgers(ledger, now)
        for statement in dropped:
            ledger.execute(statement)
    ledger.close()  # which empties the write-ahead log into the file


def _drop_indexes(ledger: sqlite3.Connection) -> list[str]:
    """Drop what is quicker to make at the end, and return how to."""
    found = ledger.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        " AND tbl_name IN ('jobs', 'job_ledgers', 'schedules', 'runs', 'attempts')"
    ).fetchall()
    for name, _ in found:
        ledger.execute(f"DROP INDEX {name}")
    return [statement for _, statement in found]


def _at(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d %H:%M:%S.%f")


def _id(kind: int, number: int) -> str:
    """Return an id that sorts by its number."""
    return f"{number:012x}7{kind:03x}8{0:015x}"


def _jobs(ledger: sqlite3.Connection, chance: random.Random, count: int, now: datetime) -> None:
    made = _at(now - timedelta(days=DAYS + 1))

    def rows() -> Iterator[tuple[object, ...]]:
        policy = json.dumps(policy_to_json(DEFAULT_POLICY))
        for number in range(count):
            verb, subject = chance.choice(_VERBS), chance.choice(_SUBJECTS)
            name = f"{verb.capitalize()} {subject} {number:06d}"
            about = f"{verb}s the {subject} of region {chance.randrange(500)}"
            if number % (count // 20 or 1) == 0:
                about += f", {RARE_WORD}"
            paused = made if chance.randrange(33) == 0 else None
            deleted = made if chance.randrange(50) == 0 else None
            key = name_key(name) if deleted is None else f"deleted:{number}"
            pool = "heavy" if number % 10 == 0 else "default"
            yield (
                _id(1, number),
                name,
                key,
                about,
                f"{subject}/{verb}.py",
                pool,
                policy,
                made,
                made,
                paused,
                deleted,
            )

    ledger.executemany(
        "INSERT INTO jobs (id, name, name_key, description, script, pool, policy, created_at, updated_at,"
        " paused_at, deleted_at, version, args, timeout_s, kill_grace_s, on_lost, overlap)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, '[]', 300, 10, 'fail', 'skip')",
        rows(),
    )
    ledger.executemany(
        "INSERT INTO job_texts (job_id, body) VALUES (?, ?)",
        [
            (job_id, name_key(f"{name}\n{script}\n{about}"))
            for job_id, name, script, about in ledger.execute(
                "SELECT id, name, script, description FROM jobs ORDER BY id"
            )
        ],
    )
    ledger.execute(
        "INSERT INTO job_tags (job_id, tag) SELECT id, substr(script, 1, instr(script, '/') - 1) FROM jobs"
        " WHERE rowid % 3 = 0"
    )
    ledger.executemany(
        "INSERT INTO schedules (id, job_id, spec, zone, created_at) VALUES (?, ?, ?, 'Asia/Hong_Kong', ?)",
        ((_id(2, n), _id(1, n), json.dumps(_SPECS[n % len(_SPECS)][0]), made) for n in range(count)),
    )


def _executors(ledger: sqlite3.Connection, now: datetime) -> None:
    names = [*(f"exec-{number:02d}" for number in range(EXECUTORS)), RARE_EXECUTOR]
    ledger.executemany(
        "INSERT INTO executors (name, boot, beat_seq, host, pid, version, sandbox, sandbox_features, pools,"
        " slots, busy, draining, problems, started_at, last_seen_at, online)"
        " VALUES (?, ?, 1, 'host', 1, '0.1.0', 'process', '', ?, 8, 3, 0, '[]', ?, ?, 1)",
        [
            (name, _id(3, number), '["default", "heavy"]', _at(now), _at(now))
            for number, name in enumerate(names)
        ],
    )


def _runs(ledger: sqlite3.Connection, chance: random.Random, *, jobs: int, runs: int, now: datetime) -> None:
    """Write the runs in the order of their instants, and an attempt for each that was queued."""
    step = timedelta(days=DAYS) / runs
    numbers = [0] * jobs
    ends = [state for state, share in _ENDS for _ in range(share)]
    ends += ["succeeded"] * (1_000 - len(ends))

    def rows() -> Iterator[tuple[object, ...]]:
        for index in range(runs):
            job = chance.randrange(jobs if chance.randrange(5) > 1 else BUSY_JOBS)
            numbers[job] += 1
            left = runs - index
            state = chance.choice(ends)
            if left <= RUNNING + WAITING:
                state = "queued" if left <= WAITING else "running"
            due = now - step * (left - 1)
            took = chance.randrange(200, 90_000)
            reason = chance.choice(_REASONS[state]) if state in _REASONS else None
            queued = state not in {"skipped", "missed"}
            began = _at(due + timedelta(milliseconds=chance.randrange(5, 400)))
            began = began if queued and state != "queued" else None
            ended = None if state in {"queued", "running"} else _at(due + timedelta(milliseconds=took))
            cause = "manual" if chance.randrange(200) == 0 else "schedule"
            executor = RARE_EXECUTOR if index % 50_000 == 0 else f"exec-{chance.randrange(EXECUTORS):02d}"
            yield (
                *(_id(4, index), _id(1, job), numbers[job], cause, _at(due), _at(due), state, reason),
                *(int(queued), executor if began else None, began, ended, took if ended and began else None),
                0 if state == "succeeded" else None,
            )

    ledger.executemany(
        "INSERT INTO runs (id, job_id, number, cause, nominal_at, due_at, state, reason, attempt, executor,"
        " started_at, finished_at, duration_ms, exit_code, instants, detail, created_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 1, '', ?5)",
        rows(),
    )
    ledger.execute(
        "INSERT INTO attempts (id, run_id, job_id, number, token, state, reason, detail, pool, urgent,"
        " due_at, published_at, publish_count, executor, claimed_at, started_at, finished_at, settled,"
        " exit_code, duration_ms, sandbox)"
        " SELECT substr(id, 1, 13) || '005' || substr(id, 17), id, job_id, 1, 1, state, reason, '',"
        " 'default', 0, due_at, due_at, 1, executor, started_at, started_at, finished_at,"
        " finished_at IS NOT NULL, exit_code, duration_ms, 'process' FROM runs WHERE attempt = 1 ORDER BY id"
    )


def _ledgers(ledger: sqlite3.Connection, now: datetime) -> None:
    """Write what the scheduler keeps per job: its newest number, its newest end, its next instant."""
    ledger.execute(
        "CREATE TEMP TABLE newest AS SELECT job_id, max(number) AS number FROM runs GROUP BY job_id"
    )
    ledger.execute(
        "CREATE TEMP TABLE ended AS SELECT job_id, max(number) AS number, id, state, finished_at FROM runs"
        " WHERE state NOT IN ('queued', 'running', 'skipped') GROUP BY job_id"
    )
    for name in ("newest", "ended"):
        ledger.execute(f"CREATE UNIQUE INDEX temp.by_{name} ON {name} (job_id)")
    ledger.execute(
        "INSERT INTO job_ledgers (job_id, seen_version, run_count, next_due_at, last_run_id, last_state,"
        " last_finished_at) SELECT jobs.id, 1, coalesce(newest.number, 0),"
        " CASE WHEN jobs.rowid % 4 = 0 OR paused_at IS NOT NULL OR deleted_at IS NOT NULL THEN NULL"
        " ELSE strftime('%Y-%m-%d %H:%M:%S.000000', ?, '+' || (600 + jobs.rowid * 7919 % 86400)"
        " || ' seconds') END,"
        " ended.id, ended.state, ended.finished_at FROM jobs"
        " LEFT JOIN newest ON newest.job_id = jobs.id"
        " LEFT JOIN ended ON ended.job_id = jobs.id",
        (_at(now)[:19],),
    )
    ledger.execute(
        "INSERT INTO cursors (schedule_id, job_id, decided_until, next_due_at, shown_at)"
        " SELECT schedules.id, schedules.job_id, ?, next_due_at, next_due_at FROM schedules"
        " JOIN job_ledgers ON job_ledgers.job_id = schedules.job_id",
        (_at(now),),
    )


if __name__ == "__main__":
    main()
