"""What a plan is made from: the schedules that are due, and the instants that stand in the ledger already."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from json import loads
from typing import Any

from sqlalchemy import Select, Text, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.cursors import args_of
from shared.db.locks import is_shared, lock_due_jobs, lock_jobs
from shared.db.statements import pieces, table_of
from shared.db.tables import CalendarRow, CursorRow, JobLedgerRow, JobRow, RunRow, ScheduleRow
from shared.domain.calendars import Calendar
from shared.domain.calendars import from_json as calendar_from_json
from shared.domain.ids import CalendarId, JobId, ScheduleId
from shared.domain.policy import Overlap, Policy, policy_from_json
from shared.domain.run import Cause, RunState
from shared.domain.sandbox import MinSandbox
from shared.domain.schedules import Once, Timetable, from_json, timetable

_NOT_TO_RUN = (RunState.SKIPPED, RunState.MISSED, RunState.CANCELLED)
_SHORTEST_MOVE = timedelta(hours=12)
"""A calendar moves an instant by a day, less what clocks are set by: jitter that hits an instant is none."""
_WITHDRAWN_BY = timedelta(minutes=15)
"""So long after an edit at most it may be seen by every scheduler, and what it withdraws be cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueCursor:
    """A cursor whose next instant is near, with what planning it takes."""

    schedule_id: ScheduleId
    job_id: JobId
    timetable: Timetable
    is_once: bool
    zone: str
    args: tuple[str, ...]
    """What its runs are given: its own arguments, or the job's."""
    decided_until: datetime
    next_due_at: datetime
    shown_at: datetime | None
    overlap: Overlap
    policy: Policy
    pool: str
    min_sandbox: MinSandbox
    promised: int
    """How many of the job's scheduled instants were to run so far."""
    has_siblings: bool
    """Whether the job has other schedules, whose instants may coincide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """A schedule of a job, with the arguments of its runs."""

    schedule_id: ScheduleId
    args: tuple[str, ...]


async def due_cursors(session: AsyncSession, *, due_by: datetime, limit: int) -> list[DueCursor]:
    """Return the cursors due by then, earliest first, under their jobs' locks.

    Jobs that another transaction has locked are left out, without waiting: ask again in a moment.
    """
    locked = await lock_due_jobs(session, due_by=due_by, limit=limit)
    statement = (
        _due_cursors().where(CursorRow.next_due_at <= due_by).order_by(CursorRow.next_due_at).limit(limit)
    )
    if locked is not None:
        statement = statement.where(CursorRow.job_id.in_(locked))
    return [_due_cursor(row) for row in await session.execute(statement)]


async def beyond_promises(session: AsyncSession, cursors: Collection[DueCursor]) -> list[DueCursor]:
    """Return the cursors no earlier than what stands in the ledger of their schedules.

    For cursors that were set back: a plan decides every instant up to its newest, so none lies between.
    """
    rows = await session.execute(
        select(RunRow.schedule_id, func.max(func.coalesce(RunRow.nominal_until, RunRow.nominal_at)))
        .where(RunRow.job_id.in_({one.job_id for one in cursors}), RunRow.promise_key.is_not(None))
        .group_by(RunRow.schedule_id)
    )
    newest = {ScheduleId(of): at for of, at in rows if of is not None}
    return [
        replace(one, decided_until=max(one.decided_until, newest.get(one.schedule_id, one.decided_until)))
        for one in cursors
    ]


async def followed_cursors(session: AsyncSession, *, after: ScheduleId | None, limit: int) -> list[DueCursor]:
    """Lock and return a page of the cursors that have something to come, by the ids of their schedules."""
    statement = (
        _due_cursors().where(CursorRow.next_due_at.is_not(None)).order_by(CursorRow.schedule_id).limit(limit)
    )
    if after is not None:
        statement = statement.where(CursorRow.schedule_id > after)
    if is_shared(session):
        seen = (
            await session.execute(statement.with_only_columns(CursorRow.schedule_id, CursorRow.job_id))
        ).all()
        await lock_jobs(session, {JobId(row.job_id) for row in seen})
        statement = statement.where(CursorRow.schedule_id.in_([row.schedule_id for row in seen]))
    return [_due_cursor(row) for row in await session.execute(statement)]


def _due_cursors() -> Select[Any]:
    return (
        select(
            CursorRow.schedule_id,
            CursorRow.job_id,
            CursorRow.decided_until,
            CursorRow.next_due_at,
            CursorRow.shown_at,
            ScheduleRow.spec,
            ScheduleRow.zone,
            ScheduleRow.args,
            ScheduleRow.created_at,
            JobRow.args.label("job_args"),
            JobRow.overlap,
            JobRow.policy,
            JobRow.pool,
            JobRow.min_sandbox,
            JobLedgerRow.promised_count,
            _SIBLINGS.label("siblings"),
        )
        .join(ScheduleRow, ScheduleRow.id == CursorRow.schedule_id)
        .join(JobRow, JobRow.id == CursorRow.job_id)
        .join(JobLedgerRow, JobLedgerRow.job_id == CursorRow.job_id)
    )


def _due_cursor(row: Any) -> DueCursor:
    schedule = from_json(row.spec, anchor=row.created_at)
    return DueCursor(
        schedule_id=ScheduleId(row.schedule_id),
        job_id=JobId(row.job_id),
        timetable=timetable(schedule, row.zone),
        is_once=isinstance(schedule, Once),
        zone=row.zone,
        args=args_of(row.args, row.job_args),
        decided_until=row.decided_until,
        next_due_at=row.next_due_at,
        shown_at=row.shown_at,
        overlap=row.overlap,
        policy=policy_from_json(row.policy),
        pool=row.pool,
        min_sandbox=row.min_sandbox,
        promised=row.promised_count,
        has_siblings=row.siblings > 1,
    )


async def siblings_of(
    session: AsyncSession, job_ids: Collection[JobId], *, since: datetime
) -> dict[JobId, list[Sibling]]:
    """Return the schedules of these jobs that may have a run at `since` or later.

    One that was replaced has none long after that: what is planned further ahead is withdrawn.
    """
    if not job_ids:
        return {}
    still_meant = or_(ScheduleRow.retired_at.is_(None), ScheduleRow.retired_at > since - _WITHDRAWN_BY)
    rows = await session.execute(
        select(CursorRow.job_id, CursorRow.schedule_id, ScheduleRow.args, JobRow.args.label("job_args"))
        .join(ScheduleRow, ScheduleRow.id == CursorRow.schedule_id)
        .join(JobRow, JobRow.id == CursorRow.job_id)
        .where(CursorRow.job_id.in_(job_ids), still_meant)
    )
    found = defaultdict(list)
    for row in rows:
        sibling = Sibling(schedule_id=ScheduleId(row.schedule_id), args=args_of(row.args, row.job_args))
        found[JobId(row.job_id)].append(sibling)
    return found


async def kept_promises(session: AsyncSession, keys: Collection[str]) -> set[str]:
    """Return those of the promise keys whose run is to run, is going or ran."""
    found: set[str] = set()
    for piece in pieces(keys):
        statement = select(RunRow.promise_key).where(
            RunRow.promise_key.in_(piece), RunRow.state.not_in(_NOT_TO_RUN)
        )
        found.update(key for key in await session.scalars(statement) if key is not None)
    return found


async def moved_to(
    session: AsyncSession, instants: Mapping[JobId, Collection[datetime]]
) -> set[tuple[JobId, tuple[str, ...], datetime]]:
    """Return (job, arguments, instant) of the runs that calendars moved to these instants of their jobs."""
    statement = (
        select(
            RunRow.job_id, RunRow.due_at, RunRow.nominal_at, ScheduleRow.args, JobRow.args.label("job_args")
        )
        .join(ScheduleRow, ScheduleRow.id == RunRow.schedule_id)
        .join(JobRow, JobRow.id == RunRow.job_id)
        .where(
            RunRow.job_id.in_(instants),
            RunRow.cause == Cause.SCHEDULE,
            RunRow.state.not_in(_NOT_TO_RUN),
        )
    )
    pages = [
        await session.execute(statement.where(RunRow.due_at.in_(piece)))
        for piece in pieces({at for of_job in instants.values() for at in of_job})
    ]
    return {
        (JobId(row.job_id), args_of(row.args, row.job_args), row.due_at)
        for page in pages
        for row in page
        if row.due_at in instants[JobId(row.job_id)]
        and (row.nominal_at == row.due_at or row.due_at - row.nominal_at >= _SHORTEST_MOVE)
    }


async def calendars_for_planning(
    session: AsyncSession, calendar_ids: Collection[CalendarId]
) -> dict[CalendarId, Calendar]:
    """Return these calendars, deleted ones as well: each is read from its text once, then known by it."""
    if not calendar_ids:
        return {}
    text = cast(CalendarRow.spec, Text)
    rows = await session.execute(select(CalendarRow.id, text).where(CalendarRow.id.in_(calendar_ids)))
    return {CalendarId(calendar_id): _calendar(spec) for calendar_id, spec in rows}


@lru_cache(maxsize=256)
def _calendar(spec: str) -> Calendar:
    return calendar_from_json(loads(spec))


# Of each cursor, how many its job has.
_OTHERS = table_of(CursorRow).alias("others")
_SIBLINGS = (
    select(func.count()).where(_OTHERS.c.job_id == CursorRow.job_id).correlate(CursorRow).scalar_subquery()
)
