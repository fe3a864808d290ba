"""Removes old runs with all that hangs on them, a bounded step at a time."""

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.facts import fact
from shared.db.statements import changed, table_of
from shared.db.tables import AttemptRow, ChainArrivalRow, ChainEdgeRow, JobLedgerRow, JobRow, RunRow
from shared.domain.ids import JobId
from shared.domain.policy import policy_from_json
from shared.domain.retention import Keep
from shared.domain.run import FINAL, RunState

_ARRIVALS = table_of(ChainArrivalRow)
_ATTEMPTS = table_of(AttemptRow)
_EDGES = table_of(ChainEdgeRow)
_JOBS = table_of(JobRow)
_LEDGERS = table_of(JobLedgerRow)
_RUNS = table_of(RunRow)

LOOKED_AT = "retention looked at"
"""The name of the fact by which time runs were judged last: see the scheduler's retention."""
MOST = 100
"""So many runs go in one step: some tens of ms, in which nobody else writes on SQLite."""
_AMONG = 2 * MOST
"""The oldest of a job are looked at; what is kept for another reason must not hide the others for long."""
_PAGES_FREED = 100
_JUDGED_BY = (
    *("id", "number", "state", "schedule_id", "due_at", "finished_at", "nominal_at", "nominal_until"),
    "chained_at",
)
_GOING = (RunState.QUEUED, RunState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A job with what is kept of it, and its oldest run as far as it has ended."""

    job_id: JobId
    keep: Keep
    newest: int
    oldest: int
    oldest_ended_at: datetime | None

    def may_have_more(self, now: datetime) -> bool:
        """Say whether something of it may be to remove; the oldest of all may be kept for a reason."""
        ended_at = self.oldest_ended_at
        return ended_at is None or self.keep.is_over(self.oldest, ended_at, newest=self.newest, now=now)


async def kept_jobs(session: AsyncSession, *, after: JobId | None, usual: Keep, limit: int) -> list[Kept]:
    """Return the next jobs by id that have more than one run."""
    any_run = _RUNS.alias()
    first = select(func.min(any_run.c.number)).where(any_run.c.job_id == _JOBS.c.id).scalar_subquery()
    statement = (
        select(
            *(_JOBS.c.id, _JOBS.c.policy, _LEDGERS.c.run_count),
            *(_RUNS.c.number, _RUNS.c.due_at, _RUNS.c.finished_at),
        )
        .join(_LEDGERS, _LEDGERS.c.job_id == _JOBS.c.id)
        .join(_RUNS, (_RUNS.c.job_id == _JOBS.c.id) & (_RUNS.c.number == first))
        .order_by(_JOBS.c.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(_JOBS.c.id > after)
    return [
        Kept(
            job_id=JobId(row.id),
            keep=_keep(row.policy, usual),
            newest=row.run_count,
            oldest=row.number,
            oldest_ended_at=_ended_at(row),
        )
        for row in await session.execute(statement)
    ]


async def remove_old(session: AsyncSession, job: Kept, *, now: datetime) -> int:
    """Remove at most `MOST` old runs of a job, the oldest first; return how many. The caller has its lock.

    Never what has not ended, or may be heard of again, the newest run, the one that ended last, the last
    that succeeded, nor what another job still waits to start after, or is still to be told of.
    """
    looked_at = (await session.execute(_oldest_of(job, now))).all()
    over = [row for row in looked_at if _is_over(row, job, now)]
    over = await _but_untold(session, await _but_last_success(session, job, over))
    gone = over[:MOST]
    if not gone:
        return 0
    ids = [row.id for row in gone]
    await session.execute(delete(_ARRIVALS).where(_ARRIVALS.c.upstream_run_id.in_(ids)))
    await session.execute(delete(_ATTEMPTS).where(_ATTEMPTS.c.run_id.in_(ids)))
    await session.execute(delete(_RUNS).where(_RUNS.c.id.in_(ids)))
    # What somebody asked for stands for no instant: nothing that a schedule promised is forgotten with it.
    instants = [row.nominal_until or row.nominal_at for row in gone if row.schedule_id is not None]
    before = await removed_until(session, job.job_id)
    until = max((one for one in (*instants, before) if one is not None), default=None)
    statement = update(_LEDGERS).where(_LEDGERS.c.job_id == job.job_id)
    count = _LEDGERS.c.removed_count + len(ids)
    await changed(session, statement.values(removed_until=until, removed_count=count))
    return len(ids)


async def free_pages(session: AsyncSession) -> bool:
    """Give the file system some of what was freed, and say whether there is more of it.

    On SQLite; PostgreSQL's autovacuum keeps its room in use. For a transaction of its own: what was begun
    is committed before.
    """
    if session.get_bind().dialect.name != "sqlite":
        return False
    driver: Any = (await (await session.connection()).get_raw_connection()).driver_connection
    # The driver says it in its own words if others wrote all the while: what is free is freed later.
    with contextlib.suppress(sqlite3.OperationalError):
        before = await _free_pages(driver)
        # Executed as a statement it frees one page only: each of its steps is one.
        await driver.executescript(f"PRAGMA incremental_vacuum({_PAGES_FREED})")
        # A file that cannot be made smaller has as many as before.
        return 0 < await _free_pages(driver) < before
    return False


async def _free_pages(driver: Any) -> int:
    ((count,),) = await driver.execute_fetchall("PRAGMA freelist_count")
    return int(count)


async def judged_by(session: AsyncSession, now: datetime) -> datetime:
    """Return by which time it is judged what is old: a clock that jumped makes nothing old."""
    looked_at = await fact(session, LOOKED_AT)
    return now if looked_at is None else min(now, datetime.fromisoformat(looked_at))


async def removed_until(session: AsyncSession, job_id: JobId) -> datetime | None:
    """Return up to which instant of its schedules runs of the job were removed; None: of none."""
    return await session.scalar(select(_LEDGERS.c.removed_until).where(_LEDGERS.c.job_id == job_id))


def _keep(policy: dict[str, Any], usual: Keep) -> Keep:
    own = policy_from_json(policy)
    return Keep(days=own.keep_days or usual.days, runs=own.keep_runs or usual.runs)


def _oldest_of(job: Kept, now: datetime) -> Any:
    # What is looked at is chosen first: judged in one with the rest, PostgreSQL without statistics judged
    # every run of the job, and took 3 s for 40,000.
    oldest = (
        select(*(_RUNS.c[name] for name in (*_JUDGED_BY, "job_id")))
        .where(_RUNS.c.job_id == job.job_id, _RUNS.c.number < job.newest, _RUNS.c.state.in_(FINAL))
        .order_by(_RUNS.c.number)
        .limit(_AMONG)
        .subquery()
    )
    is_awaited = exists().where(_ARRIVALS.c.upstream_run_id == oldest.c.id, _ARRIVALS.c.taken_at.is_(None))
    may_run = and_(_ATTEMPTS.c.state == RunState.LOST, _ATTEMPTS.c.may_run_until > now)
    may_be_heard = exists().where(
        _ATTEMPTS.c.run_id == oldest.c.id, or_(_ATTEMPTS.c.state.in_(_GOING), may_run)
    )
    return (
        select(*(oldest.c[name] for name in _JUDGED_BY))
        .join(_LEDGERS, _LEDGERS.c.job_id == oldest.c.job_id)
        .where(
            or_(_LEDGERS.c.last_run_id.is_(None), _LEDGERS.c.last_run_id != oldest.c.id),
            ~is_awaited,
            ~may_be_heard,
        )
        .order_by(oldest.c.number)
    )


def _ended_at(row: Any) -> datetime | None:
    """Return when a run ended. Executors say that by their own clocks, and one of those may be years late."""
    return None if row.finished_at is None else max(row.finished_at, row.due_at)


def _is_over(row: Any, job: Kept, now: datetime) -> bool:
    ended_at = _ended_at(row)
    return ended_at is not None and job.keep.is_over(row.number, ended_at, newest=job.newest, now=now)


async def _but_last_success(session: AsyncSession, job: Kept, over: Sequence[Any]) -> list[Any]:
    """Leave out the newest that succeeded, where none after it did."""
    newest = max((row.number for row in over if row.state is RunState.SUCCEEDED), default=None)
    if newest is None:
        return list(over)
    later = select(_RUNS.c.id).where(
        _RUNS.c.job_id == job.job_id, _RUNS.c.number > newest, _RUNS.c.state == RunState.SUCCEEDED
    )
    found: UUID | None = await session.scalar(later.limit(1))
    return [row for row in over if found is not None or row.number != newest]


async def _but_untold(session: AsyncSession, over: Sequence[Any]) -> list[Any]:
    """Leave out what is lost and still to be told to the jobs after it.

    A sweep does that, and a scheduler that was down begins it when this begins, too.
    """
    lost = [row.id for row in over if row.state is RunState.LOST and row.chained_at is None]
    if not lost:
        return list(over)
    to_tell = (
        select(_ATTEMPTS.c.run_id)
        .join(_EDGES, _EDGES.c.upstream_id == _ATTEMPTS.c.job_id)
        .where(_ATTEMPTS.c.run_id.in_(lost), _ATTEMPTS.c.may_run_until >= _EDGES.c.created_at)
    )
    untold = set(await session.scalars(to_tell))
    return [row for row in over if row.id not in untold]
