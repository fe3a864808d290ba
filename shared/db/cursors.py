"""Cursors and job ledgers: how far each schedule is decided, and what the scheduler keeps per job."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.locks import is_shared, lock_new_jobs
from shared.db.statements import changed, changed_where, insert_all, table_of, update_all
from shared.db.tables import CursorRow, JobLedgerRow, JobRow, RunRow, ScheduleRow
from shared.domain.ids import JobId, RunId, ScheduleId
from shared.domain.policy import Overlap, Policy, policy_from_json
from shared.domain.run import RunState
from shared.domain.sandbox import MinSandbox
from shared.domain.schedules import Once, Timetable, from_json, timetable

_CURSORS = table_of(CursorRow)
_LEDGERS = table_of(JobLedgerRow)
_RUNS = table_of(RunRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedJob:
    """A job whose newest version is not taken over yet. `seen_version` is None for a new one."""

    id: JobId
    version: int
    seen_version: int | None
    pool: str
    min_sandbox: MinSandbox
    overlap: Overlap
    policy: Policy
    promised: int
    updated_at: datetime
    paused_at: datetime | None
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """One schedule and how far it is decided; `decided_until` is None before the first time."""

    schedule_id: ScheduleId
    job_id: JobId
    timetable: Timetable
    is_once: bool
    zone: str
    args: tuple[str, ...]
    created_at: datetime
    retired_at: datetime | None
    decided_until: datetime | None
    next_due_at: datetime | None

    @property
    def begins_at(self) -> datetime:
        """Return from where it is still to be decided."""
        return self.created_at if self.decided_until is None else self.decided_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Where a schedule's cursor goes; `shown_at` is when the next run is due, for people."""

    schedule_id: ScheduleId
    decided_until: datetime
    next_due_at: datetime | None
    shown_at: datetime | None


def args_of(own: list[str] | None, of_job: list[str]) -> tuple[str, ...]:
    """Return what a schedule's runs are given: its own arguments, or the job's when it has none."""
    return tuple(of_job if own is None else own)


async def jobs_to_follow(
    session: AsyncSession,
    *,
    limit: int,
    job_ids: Collection[JobId] | None = None,
    since: datetime | None = None,
) -> list[FollowedJob]:
    """Lock and return jobs whose version no scheduler has taken over.

    Among these, among those that were changed since then, or among all: which reads every job.
    """
    statement = (
        select(
            *(
                JobRow.__table__.c[name]
                for name in ("id", "version", "pool", "min_sandbox", "overlap", "policy", "updated_at")
            ),
            JobRow.paused_at,
            JobRow.deleted_at,
            JobLedgerRow.seen_version,
            func.coalesce(JobLedgerRow.promised_count, 0).label("promised"),
        )
        .select_from(JobRow)
        .outerjoin(JobLedgerRow, JobLedgerRow.job_id == JobRow.id)
        .where(or_(JobLedgerRow.job_id.is_(None), JobRow.version > JobLedgerRow.seen_version))
        .limit(limit)
    )
    if job_ids is not None:
        statement = statement.where(JobRow.id.in_(job_ids))
    if since is not None:
        statement = statement.where(JobRow.updated_at >= since)
    if is_shared(session):
        seen = {JobId(id_) for id_ in await session.scalars(statement.with_only_columns(JobRow.id))}
        await lock_new_jobs(session, seen)
        statement = statement.where(JobRow.id.in_(seen))
    rows = (await session.execute(statement)).mappings()
    return [FollowedJob(**{**values, "policy": policy_from_json(values["policy"])}) for values in rows]


async def cursors_of(
    session: AsyncSession, job_ids: Collection[JobId], *, retired: bool = False
) -> dict[JobId, list[Cursor]]:
    """Return the schedules of these jobs with their cursors: of the retired, those not closed, or all."""
    statement = (
        select(
            ScheduleRow.id.label("schedule_id"),
            ScheduleRow.job_id,
            ScheduleRow.spec,
            ScheduleRow.zone,
            ScheduleRow.args,
            JobRow.args.label("job_args"),
            ScheduleRow.created_at,
            ScheduleRow.retired_at,
            CursorRow.decided_until,
            CursorRow.next_due_at,
        )
        .join(JobRow, JobRow.id == ScheduleRow.job_id)
        .outerjoin(CursorRow, CursorRow.schedule_id == ScheduleRow.id)
        .where(ScheduleRow.job_id.in_(job_ids))
    )
    if not retired:
        statement = statement.where(
            or_(
                ScheduleRow.retired_at.is_(None),
                CursorRow.schedule_id.is_(None),
                CursorRow.next_due_at.is_not(None),
                CursorRow.decided_until < ScheduleRow.retired_at,
            )
        )
    found = defaultdict(list)
    for row in await session.execute(statement):
        schedule = from_json(row.spec, anchor=row.created_at)
        cursor = Cursor(
            schedule_id=ScheduleId(row.schedule_id),
            job_id=JobId(row.job_id),
            timetable=timetable(schedule, row.zone),
            is_once=isinstance(schedule, Once),
            zone=row.zone,
            args=args_of(row.args, row.job_args),
            created_at=row.created_at,
            retired_at=row.retired_at,
            decided_until=row.decided_until,
            next_due_at=row.next_due_at,
        )
        found[cursor.job_id].append(cursor)
    return found


async def next_due_at(session: AsyncSession) -> datetime | None:
    """Return when the next instant of any schedule is due."""
    return await session.scalar(select(func.min(CursorRow.next_due_at)))


async def insert_cursors(session: AsyncSession, cursors: Sequence[Mapping[str, object]]) -> None:
    """Write cursors of schedules that are followed for the first time."""
    await insert_all(session, CursorRow, cursors)


async def move_cursors(session: AsyncSession, moves: Sequence[Move]) -> None:
    """Store how far each schedule is decided, and what comes next."""
    await update_all(
        session,
        _MOVE,
        [
            {
                "a_schedule": move.schedule_id,
                "until": move.decided_until,
                "next_due": move.next_due_at,
                "shown": move.shown_at,
            }
            for move in moves
        ],
    )


async def store_version(session: AsyncSession, job: FollowedJob) -> None:
    """Note that this version of the job is taken over, making its ledger when there is none."""
    if job.seen_version is None:
        await insert_all(session, JobLedgerRow, [{"job_id": job.id, "seen_version": job.version}])
    else:
        await changed_where(session, JobLedgerRow, {"job_id": job.id}, {"seen_version": job.version})


async def take_numbers(
    session: AsyncSession, counts: Mapping[JobId, int], *, promised: Mapping[JobId, int] | None = None
) -> dict[JobId, int]:
    """Reserve that many run numbers in each of the jobs' ledgers, return the first of each.

    `promised` says how many of them are scheduled instants that are to run: these are counted.
    """
    await update_all(
        session,
        _TAKE_NUMBERS,
        [
            {"a_job": job, "more": more, "to_run": (promised or {}).get(job, 0)}
            for job, more in counts.items()
        ],
    )
    rows = await session.execute(_RUN_COUNTS, {"jobs": list(counts)})
    return {JobId(job): count - counts[JobId(job)] + 1 for job, count in rows}


async def give_back(session: AsyncSession, job_id: JobId, *, may_go_on: bool) -> None:
    """Take back one promised instant that is not to run after all.

    A job that may have reached its `max_runs` by it goes on from its last decided instant: its cursors,
    which lay still, are due at once.
    """
    ledger = update(JobLedgerRow).where(JobLedgerRow.job_id == job_id)
    await changed(session, ledger.values(promised_count=JobLedgerRow.promised_count - 1))
    if not may_go_on:
        return
    living = (
        select(ScheduleRow.id)
        .join(JobRow, JobRow.id == ScheduleRow.job_id)
        .where(
            ScheduleRow.job_id == job_id,
            ScheduleRow.retired_at.is_(None),
            JobRow.paused_at.is_(None),
            JobRow.deleted_at.is_(None),
        )
    )
    statement = update(CursorRow).where(
        CursorRow.job_id == job_id, CursorRow.next_due_at.is_(None), CursorRow.schedule_id.in_(living)
    )
    await changed(session, statement.values(next_due_at=CursorRow.decided_until))


async def refresh_next_due(session: AsyncSession, job_ids: Collection[JobId], *, now: datetime) -> None:
    """Store for each job, for the lists, when its next run after `now` is due; None: there is none.

    That is a run that is planned ahead, or what comes next of one of its schedules.
    """
    if not job_ids:
        return
    rows = [
        *await session.execute(_SHOWN, {"jobs": list(job_ids)}),
        *await session.execute(_PLANNED, {"jobs": list(job_ids), "now": now}),
    ]
    due: dict[UUID, datetime | None] = dict.fromkeys(job_ids)
    for job_id, at in rows:
        earlier = due[job_id]
        due[job_id] = at if earlier is None or (at is not None and at < earlier) else earlier
    await update_all(session, _NEXT_DUE, [{"a_job": job, "next_due": at} for job, at in due.items()])


async def note_end(
    session: AsyncSession, job_id: UUID, run_id: RunId, state: RunState, finished_at: datetime
) -> None:
    """Store the newest end of the job's runs; an older end than the stored one changes nothing."""
    values = {"a_job": job_id, "a_run": run_id, "a_state": state, "an_end": finished_at}
    await changed(session, _NOTE_END, values)


# Built once: to build such a statement costs more than to run it.
_MOVE = (
    update(_CURSORS)
    .where(_CURSORS.c.schedule_id == bindparam("a_schedule"))
    .values(decided_until=bindparam("until"), next_due_at=bindparam("next_due"), shown_at=bindparam("shown"))
)
_THIS_LEDGER = update(_LEDGERS).where(_LEDGERS.c.job_id == bindparam("a_job"))
_TAKE_NUMBERS = _THIS_LEDGER.values(
    run_count=_LEDGERS.c.run_count + bindparam("more"),
    promised_count=_LEDGERS.c.promised_count + bindparam("to_run"),
)
_NEXT_DUE = _THIS_LEDGER.values(next_due_at=bindparam("next_due"))
_NOTE_END = _THIS_LEDGER.where(
    or_(
        _LEDGERS.c.last_finished_at.is_(None),
        _LEDGERS.c.last_finished_at <= bindparam("an_end"),
        _LEDGERS.c.last_run_id == bindparam("a_run"),
    )
).values(
    last_run_id=bindparam("a_run"), last_state=bindparam("a_state"), last_finished_at=bindparam("an_end")
)
_RUN_COUNTS = select(_LEDGERS.c.job_id, _LEDGERS.c.run_count).where(
    _LEDGERS.c.job_id.in_(bindparam("jobs", expanding=True))
)
_SHOWN = (
    select(_CURSORS.c.job_id, func.min(_CURSORS.c.shown_at))
    .where(_CURSORS.c.job_id.in_(bindparam("jobs", expanding=True)))
    .group_by(_CURSORS.c.job_id)
)
_PLANNED = (
    select(_RUNS.c.job_id, func.min(_RUNS.c.due_at))
    .where(
        _RUNS.c.job_id.in_(bindparam("jobs", expanding=True)),
        _RUNS.c.state.in_((RunState.HELD, RunState.QUEUED)),
        _RUNS.c.due_at > bindparam("now"),
    )
    .group_by(_RUNS.c.job_id)
)
