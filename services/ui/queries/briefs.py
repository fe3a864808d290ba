"""Run rows as the values that lists and strips show."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.models import RunBrief, RunItem
from shared.db.tables import AttemptRow, JobLedgerRow, JobRow, RunRow
from shared.domain.run import RunState

RECENT = 20
_BRIEF = ("id", "number", "state", "reason", "due_at", "started_at", "finished_at", "duration_ms")
_ITEM = (
    *_BRIEF,
    "job_id",
    "schedule_id",
    "cause",
    "requested_by",
    "nominal_at",
    "nominal_until",
    "instants",
    "detail",
    "attempt",
    "executor",
    "exit_code",
    "signal",
)
_OF_JOB = ("job_name", "pool", "min_sandbox")
BRIEF_COLUMNS = tuple(getattr(RunRow, name) for name in _BRIEF)
ITEM_COLUMNS = tuple(getattr(RunRow, name) for name in _ITEM)


def brief(row: Any) -> RunBrief:
    """Return the brief in a row that holds `BRIEF_COLUMNS`."""
    # By hand: a list shows a thousand of them, and names asked for by name cost twice as much.
    return RunBrief(
        id=row.id,
        number=row.number,
        state=row.state,
        reason=row.reason,
        due_at=row.due_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        duration_ms=row.duration_ms,
    )


def item_values(row: Any) -> dict[str, Any]:
    """Return the fields of a `RunItem` from a row of `items_query`."""
    return {name: getattr(row, name) for name in (*_ITEM, *_OF_JOB)}


def item(row: Any) -> RunItem:
    """Return the item in a row of `items_query`."""
    return RunItem(**item_values(row))


def items_query() -> Select[*tuple[Any, ...]]:
    """Return the query of runs with what is shown of their jobs, to be filtered."""
    of_job = (JobRow.name.label("job_name"), JobRow.pool, JobRow.min_sandbox)
    return select(*ITEM_COLUMNS, *of_job).join(JobRow, JobRow.id == RunRow.job_id)


def is_waiting(now: datetime) -> ColumnElement[bool]:
    """Return the condition of a run that could have started by now; between two attempts it could not."""
    is_between = exists().where(
        AttemptRow.run_id == RunRow.id, AttemptRow.number == RunRow.attempt, AttemptRow.due_at > now
    )
    return and_(
        RunRow.state.in_((RunState.HELD, RunState.QUEUED)),
        RunRow.due_at <= now,
        or_(RunRow.attempt <= 1, ~is_between),
    )


async def recent_of(session: AsyncSession, job_ids: Sequence[UUID]) -> dict[UUID, list[RunBrief]]:
    """Return the newest `RECENT` runs of each job, oldest first; a job without runs has no entry."""
    rows = await session.execute(
        select(RunRow.job_id, *BRIEF_COLUMNS)
        .join(
            JobLedgerRow,
            # Numbers have no holes: the newest twenty are a range of (job_id, number).
            and_(JobLedgerRow.job_id == RunRow.job_id, RunRow.number > JobLedgerRow.run_count - RECENT),
        )
        .where(JobLedgerRow.job_id.in_(job_ids))
        .order_by(RunRow.job_id, RunRow.number)
    )
    found: dict[UUID, list[RunBrief]] = {}
    for row in rows:
        found.setdefault(row.job_id, []).append(brief(row))
    return found
