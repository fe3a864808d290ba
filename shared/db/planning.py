"""What a plan must know of the ledger beside the cursors: which instants stand in it already."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.cursors import args_of
from shared.db.tables import CursorRow, JobRow, RunRow, ScheduleRow
from shared.domain.ids import JobId, ScheduleId
from shared.domain.run import Cause, RunState

_NOT_TO_RUN = (RunState.SKIPPED, RunState.MISSED, RunState.CANCELLED)
_SHORTEST_MOVE = timedelta(hours=12)
"""A calendar moves an instant by a day, less what clocks are set by: jitter that hits an instant is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """A schedule of a job, with the arguments of its runs."""

    schedule_id: ScheduleId
    args: tuple[str, ...]


async def siblings_of(session: AsyncSession, job_ids: Collection[JobId]) -> dict[JobId, list[Sibling]]:
    """Return all schedules of these jobs that were ever followed."""
    if not job_ids:
        return {}
    rows = await session.execute(
        select(CursorRow.job_id, CursorRow.schedule_id, ScheduleRow.args, JobRow.args.label("job_args"))
        .join(ScheduleRow, ScheduleRow.id == CursorRow.schedule_id)
        .join(JobRow, JobRow.id == CursorRow.job_id)
        .where(CursorRow.job_id.in_(job_ids))
    )
    found = defaultdict(list)
    for row in rows:
        sibling = Sibling(schedule_id=ScheduleId(row.schedule_id), args=args_of(row.args, row.job_args))
        found[JobId(row.job_id)].append(sibling)
    return found


async def kept_promises(session: AsyncSession, keys: Collection[str]) -> set[str]:
    """Return those of the promise keys whose run is to run, is going or ran."""
    if not keys:
        return set()
    statement = select(RunRow.promise_key).where(
        RunRow.promise_key.in_(keys), RunRow.state.not_in(_NOT_TO_RUN)
    )
    return {key for key in await session.scalars(statement) if key is not None}


async def moved_to(
    session: AsyncSession, instants: Mapping[JobId, Collection[datetime]]
) -> set[tuple[JobId, tuple[str, ...], datetime]]:
    """Return (job, arguments, instant) of the runs that calendars moved to these instants of their jobs."""
    if not instants:
        return set()
    rows = await session.execute(
        select(
            RunRow.job_id, RunRow.due_at, RunRow.nominal_at, ScheduleRow.args, JobRow.args.label("job_args")
        )
        .join(ScheduleRow, ScheduleRow.id == RunRow.schedule_id)
        .join(JobRow, JobRow.id == RunRow.job_id)
        .where(
            RunRow.job_id.in_(instants),
            RunRow.due_at.in_({at for of_job in instants.values() for at in of_job}),
            RunRow.cause == Cause.SCHEDULE,
            RunRow.state.not_in(_NOT_TO_RUN),
        )
    )
    return {
        (JobId(row.job_id), args_of(row.args, row.job_args), row.due_at)
        for row in rows
        if row.due_at in instants[JobId(row.job_id)]
        and (row.nominal_at == row.due_at or row.due_at - row.nominal_at >= _SHORTEST_MOVE)
    }
