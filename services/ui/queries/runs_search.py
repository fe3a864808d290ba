"""Runs of the jobs that a search finds, whose cost does not grow with the runs.

What few jobs ran seldom is read whole, which is exact. Otherwise the runs are walked, newest first, until the
page is full or so many were looked at; then the next page goes on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, false, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import job_texts
from shared.db.tables import JobLedgerRow, JobTextRow, RunRow
from shared.domain.ids import JobId
from shared.domain.run import RunState

LOOKED_AT = 20_000
"""So many runs are looked at for a page."""
_FEW_JOBS, _FEW_RUNS = 1_000, 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What a search leaves of the runs."""

    conditions: tuple[ColumnElement[bool], ...] = ()
    is_whole: bool = False
    """Whether the conditions leave so little that it is best read whole and sorted."""
    edge: datetime | None = None
    """Due before this was not looked at; None: all was."""


async def jobs_of(session: AsyncSession, q: str, job_id: JobId | None) -> Searched:
    """Return the runs of the jobs that hold all words of `q`, deleted ones too; of one job all or none."""
    words = job_texts.words_of(q)
    if not words:
        return Searched()
    holds = exists().where(JobTextRow.job_id == RunRow.job_id, job_texts.holds(session, words))
    if job_id is not None:
        its = select(JobTextRow.job_id).where(JobTextRow.job_id == job_id, job_texts.holds(session, words))
        return Searched(conditions=() if await session.scalar(its) is not None else (false(),), is_whole=True)
    found = await job_texts.found(session, words)
    ids = tuple(await session.scalars(found.limit(_FEW_JOBS + 1)))
    if len(ids) > _FEW_JOBS:
        return Searched(conditions=(holds,))
    # The numbers of a job's runs have no holes: its newest number is how many there were.
    counts = select(func.sum(JobLedgerRow.run_count)).where(JobLedgerRow.job_id.in_(ids))
    if (await session.scalar(counts) or 0) <= _FEW_RUNS:
        # With its limit it stays a query of its own: else another condition's index might be walked.
        theirs = select(RunRow.id).where(RunRow.job_id.in_(ids)).limit(2 * _FEW_RUNS).subquery()
        return Searched(conditions=(RunRow.id.in_(select(theirs.c.id)),), is_whole=True)
    # As an expression that no index has: all runs of busy jobs would be read and sorted.
    return Searched(conditions=(func.coalesce(RunRow.job_id, literal_column("NULL")).in_(ids),))


async def edge_of(
    session: AsyncSession, conditions: Sequence[ColumnElement[bool]], states: frozenset[RunState], most: int
) -> datetime | None:
    """Return the due instant down to which so many runs are looked at; None: there are not as many."""
    each = [[RunRow.state == state] for state in sorted(states)] or [[]]
    found = [
        await session.scalar(
            select(RunRow.due_at)
            .where(*conditions, *one)
            .order_by(RunRow.due_at.desc())
            .offset(most // len(each))
            .limit(1)
        )
        for one in each
    ]
    return max((at for at in found if at is not None), default=None)


def by_due_after_all() -> tuple[ColumnElement[Any], ...]:
    """Return the order of runs, newest first, as an expression that no index has."""
    return (func.coalesce(RunRow.due_at, literal_column("NULL")).desc(), RunRow.id.desc())
