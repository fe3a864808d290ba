"""The locks by which several schedulers share one ledger, on PostgreSQL.

The ledger row of a job is the lock on all that belongs to the job: its cursors, runs and attempts. A
transaction that is to write any of it takes the lock first and reads afterwards. Each statement of a READ
COMMITTED transaction sees what was committed before it began, so what is read under the lock is the
newest state, and it stays so until the commit: for each job the transactions follow one another.

A transaction takes all its locks at once, jobs by id, then executors by name, then shared limits by key, so
that nobody waits in a circle. SQLite has one writer by itself: there nothing is locked, and nothing is asked.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    Integer,
    Select,
    Uuid,
    any_,
    bindparam,
    exists,
    literal,
    or_,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import table_of
from shared.db.tables import AttemptRow, CursorRow, JobLedgerRow, JobRow
from shared.db.types import Words
from shared.domain.ids import AttemptId, ExecutorName, JobId
from shared.domain.run import RunState

_LEDGERS = table_of(JobLedgerRow)
_EXECUTOR_LOCKS = 0x506F72
"""The class of the advisory locks of executors' names: "Por","""
_LIMIT_LOCKS = 0x506F73
"""and of the keys of shared limits: "Pos"."""


def is_shared(session: AsyncSession) -> bool:
    """Say whether other schedulers may write this ledger: what is decided on is to be read under a lock."""
    return session.get_bind().dialect.name == "postgresql"


async def lock_jobs(session: AsyncSession, job_ids: Collection[JobId]) -> None:
    """Wait for the locks of these jobs, as far as the scheduler has followed them."""
    if job_ids and is_shared(session):
        await session.execute(_JOBS, {"ids": list(job_ids)})


async def lock_free_jobs(session: AsyncSession, job_ids: Collection[JobId]) -> set[JobId]:
    """Lock those of the jobs that no other transaction has, without waiting, and return them."""
    if not job_ids or not is_shared(session):
        return set(job_ids)
    return {JobId(id_) for id_ in await session.scalars(_FREE_JOBS, {"ids": list(job_ids)})}


async def lock_new_jobs(session: AsyncSession, job_ids: Collection[JobId]) -> None:
    """Wait for the locks of these jobs, and make ledgers, of no version yet, for those without one."""
    if job_ids and is_shared(session):
        await session.execute(_MISSING_LEDGERS, {"ids": list(job_ids)})
        await session.execute(_JOBS, {"ids": list(job_ids)})


async def lock_jobs_of_attempts(
    session: AsyncSession, ids: Collection[AttemptId], *, executors: Collection[ExecutorName] = ()
) -> None:
    """Wait for the locks of the jobs of these attempts, and of all that these executors run."""
    if (ids or executors) and is_shared(session):
        await session.execute(_JOBS_OF_ATTEMPTS, {"ids": list(ids), "names": list(executors)})


async def lock_jobs_of_executor(session: AsyncSession, name: ExecutorName) -> set[JobId]:
    """Wait for the locks of the jobs that an executor runs, and return them.

    What it was given while we waited is not among them: leave that alone.
    """
    if is_shared(session):
        rows = await session.scalars(_JOBS_OF_ATTEMPTS, {"ids": [], "names": [name]})
    else:
        rows = await session.scalars(_JOBS_OF_EXECUTOR, {"name": name})
    return {JobId(job_id) for job_id in rows}


async def lock_due_jobs(session: AsyncSession, *, due_by: datetime, limit: int) -> set[JobId] | None:
    """Lock the jobs of cursors due by then, earliest first, without waiting; None: no locks are needed.

    A job that another transaction has is skipped: another scheduler plans it, or will be done with it in
    a moment.
    """
    if not is_shared(session):
        return None
    rows = await session.scalars(_DUE_JOBS, {"due_by": due_by, "most": limit})
    return {JobId(job_id) for job_id in rows}


async def lock_executors(session: AsyncSession, names: Collection[ExecutorName]) -> None:
    """Wait for the locks of these executors' names, whether they were heard before or not."""
    if names and is_shared(session):
        await session.execute(_NAMES, {"names": sorted(set(names))})


async def lock_limits(session: AsyncSession, keys: Collection[str]) -> None:
    """Wait for the locks of these shared limits: who has one alone grants places of it."""
    if keys and is_shared(session):
        await session.execute(_KEYS, {"names": sorted(set(keys))})


def _in(attribute: Any, name: str, type_: Any) -> Any:
    # One array instead of many parameters: the statement's text, which the server keeps, stays the same.
    return attribute == any_(bindparam(name, type_=ARRAY(type_)))


def _locking(statement: Select[Any], *, skip_locked: bool = False) -> Select[Any]:
    """Lock as an UPDATE does that leaves the key alone: foreign keys to the row are still checked."""
    return statement.with_for_update(of=JobLedgerRow, key_share=True, skip_locked=skip_locked)


# PostgreSQL locks rows in the order in which they are sorted (sql-select.html, The Locking Clause); the
# key never changes.
_THESE = (
    select(JobLedgerRow.job_id).where(_in(JobLedgerRow.job_id, "ids", Uuid())).order_by(JobLedgerRow.job_id)
)
_JOBS = _locking(_THESE)
_FREE_JOBS = _locking(_THESE, skip_locked=True)
_JOBS_OF_ATTEMPTS = _locking(
    select(JobLedgerRow.job_id)
    .where(
        JobLedgerRow.job_id.in_(
            select(AttemptRow.job_id).where(
                or_(
                    _in(AttemptRow.id, "ids", Uuid()),
                    (AttemptRow.state == RunState.RUNNING) & _in(AttemptRow.executor, "names", Words(200)),
                )
            )
        )
    )
    .order_by(JobLedgerRow.job_id)
)
_JOBS_OF_EXECUTOR = (
    select(AttemptRow.job_id)
    .where(AttemptRow.state == RunState.RUNNING, AttemptRow.executor == bindparam("name"))
    .distinct()
)
_DUE_JOBS = _locking(
    select(JobLedgerRow.job_id)
    .join(CursorRow, CursorRow.job_id == JobLedgerRow.job_id)
    .where(CursorRow.next_due_at <= bindparam("due_by"))
    .order_by(CursorRow.next_due_at)
    .limit(bindparam("most", type_=Integer())),
    skip_locked=True,
)
_MISSING_LEDGERS = (
    postgresql.insert(_LEDGERS)
    .from_select(
        ["job_id", "seen_version", "run_count"],
        select(JobRow.id, literal(0), literal(0))
        .where(_in(JobRow.id, "ids", Uuid()), ~exists().where(JobLedgerRow.job_id == JobRow.id))
        .order_by(JobRow.id),
        include_defaults=False,
    )
    .on_conflict_do_nothing()
)
_NAMED = text("SELECT pg_advisory_xact_lock(:locks, hashtext(name)) FROM unnest(:names) AS names (name)")
_NAMES, _KEYS = (
    _NAMED.bindparams(bindparam("locks", locks, type_=Integer()), bindparam("names", type_=ARRAY(Words(200))))
    for locks in (_EXECUTOR_LOCKS, _LIMIT_LOCKS)
)
