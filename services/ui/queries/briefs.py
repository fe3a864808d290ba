"""Run rows as the values that lists and strips show."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.models import RunBrief, RunItem
from shared.db.statements import table_of
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
_RUNS, _LEDGERS = table_of(RunRow).c, table_of(JobLedgerRow).c
_RECENT_OF = (
    select(_RUNS.job_id, *(_RUNS[name] for name in _BRIEF))
    .join_from(
        table_of(JobLedgerRow),
        table_of(RunRow),
        # Numbers have no holes: the newest twenty are a range of (job_id, number).
        and_(_LEDGERS.job_id == _RUNS.job_id, _RUNS.number > _LEDGERS.run_count - RECENT),
    )
    .where(_LEDGERS.job_id.in_(bindparam("jobs", expanding=True)))
    .order_by(_RUNS.job_id, _RUNS.number)
)


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
    rows = await session.execute(_RECENT_OF, {"jobs": job_ids})
    found: dict[UUID, list[RunBrief]] = {}
    for job_id, run_id, number, state, reason, due_at, started_at, finished_at, duration_ms in rows:
        found.setdefault(job_id, []).append(
            RunBrief(
                id=run_id,
                number=number,
                state=state,
                reason=reason,
                due_at=due_at,
                started_at=started_at,
                finished_at=finished_at,
                duration_ms=duration_ms,
            )
        )
    return found
