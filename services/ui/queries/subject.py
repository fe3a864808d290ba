"""What a question about a job is about: an instant, and what the ledger holds of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.queries.explained import WhyRun
from shared.db.requests import FOR_ONE_RUN
from shared.db.runs import promise_key
from shared.db.tables import AttemptRow, JobLedgerRow, JobRow, RequestRow, RunRow
from shared.domain.ids import JobId, ScheduleId
from shared.domain.instants import Followed, nearest_after, newest_until
from shared.domain.run import Cause, RunState
from shared.domain.why import RunFacts

_SECOND = timedelta(seconds=1)
_WAITING = (RunState.HELD, RunState.QUEUED)
_NOT_RUN = (RunState.SKIPPED, RunState.MISSED, RunState.CANCELLED)
BACKFILLS_AMONG = 10_000
"""A backfilled instant is looked for among so many of the job's newest runs: no index names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An instant with its run, as the domain and as a page see it."""

    at: datetime
    run: RunFacts | None = None
    shown: WhyRun | None = None


async def subject_at(
    session: AsyncSession, job_id: JobId, schedules: Sequence[Followed], at: datetime
) -> Subject:
    """Return the instant with the run that says most about it: one that ran, before one that did not."""
    rows = [
        *await _promised(session, job_id, schedules, at),
        *await _backfilled(session, job_id, at),
        *await _asked_for(session, job_id, at),
    ]
    if not rows and any(schedule.would_name(at) for schedule in schedules):
        rows = await _missed_range(session, job_id, at)
    return _subject(at, min(rows, key=_telling)) if rows else Subject(at=at)


async def subject_now(
    session: AsyncSession, job_id: JobId, schedules: Sequence[Followed], *, now: datetime
) -> Subject:
    """Return what waits; else the newest instant that was due; else the one that is to come."""
    waiting = await _rows(
        session, RunRow.job_id == job_id, RunRow.state.in_(_WAITING), RunRow.due_at <= now, limit=1
    )
    if waiting:
        return _subject(waiting[0].RunRow.nominal_at, waiting[0])
    requested = await _requested(session, job_id)
    if requested is not None:
        return requested
    newest = await _newest(session, job_id, now=now)
    at = newest_until(schedules, now)
    if newest is not None and (at is None or _end(newest) >= at):
        return _subject(newest.RunRow.nominal_at, newest)
    if at is None:
        at = nearest_after(schedules, now) or now
    return await subject_at(session, job_id, schedules, at)


async def _promised(
    session: AsyncSession, job_id: JobId, schedules: Iterable[Followed], at: datetime
) -> list[Any]:
    keys = [promise_key(ScheduleId(schedule.id), at) for schedule in schedules]
    exact = at == at.replace(microsecond=0)
    return await _rows(session, RunRow.promise_key.in_(keys), RunRow.job_id == job_id) if exact else []


async def _backfilled(session: AsyncSession, job_id: JobId, at: datetime) -> list[Any]:
    count = await session.scalar(select(JobLedgerRow.run_count).where(JobLedgerRow.job_id == job_id))
    return await _rows(
        session,
        RunRow.job_id == job_id,
        RunRow.number > (count or 0) - BACKFILLS_AMONG,
        RunRow.cause == Cause.BACKFILL,
        RunRow.nominal_at == at,
    )


async def _asked_for(session: AsyncSession, job_id: JobId, at: datetime) -> list[Any]:
    """Return the runs that somebody asked for within this second."""
    return await _rows(
        session,
        RunRow.due_at >= at,
        RunRow.due_at < at + _SECOND,
        RunRow.job_id == job_id,
        RunRow.cause.not_in((Cause.SCHEDULE, Cause.BACKFILL)),
    )


async def _missed_range(session: AsyncSession, job_id: JobId, at: datetime) -> list[Any]:
    """Return the range of missed or withdrawn instants that this one lies in."""
    return await _rows(
        session,
        RunRow.job_id == job_id,
        RunRow.state.in_((RunState.MISSED, RunState.CANCELLED)),
        RunRow.nominal_at <= at,
        RunRow.nominal_until >= at,
    )


async def _newest(session: AsyncSession, job_id: JobId, *, now: datetime) -> Any:
    """Return the newest run that is due; at most some seconds' worth of newer ones are planned ahead."""
    query = (
        _query().where(RunRow.job_id == job_id, RunRow.due_at <= now).order_by(RunRow.number.desc()).limit(1)
    )
    return (await session.execute(query)).one_or_none()


async def _requested(session: AsyncSession, job_id: JobId) -> Subject | None:
    """Return the oldest run that was asked for and that no scheduler has taken up."""
    found = (
        await session.execute(
            select(RequestRow, JobRow.pool, JobRow.min_sandbox)
            .join(JobRow, JobRow.id == RequestRow.job_id)
            .where(
                RequestRow.handled_at.is_(None), RequestRow.job_id == job_id, RequestRow.kind.in_(FOR_ONE_RUN)
            )
            .order_by(RequestRow.id)
            .limit(1)
        )
    ).one_or_none()
    if found is None:
        return None
    request: RequestRow = found.RequestRow
    run = RunFacts(
        number=0,
        state=RunState.QUEUED,
        reason=None,
        detail="",
        cause=request.cause,
        requested_by=request.requested_by,
        schedule_id=None,
        nominal_at=request.requested_at,
        due_at=request.requested_at,
        created_at=request.requested_at,
        pool=found.pool,
        min_sandbox=found.min_sandbox,
        urgent=True,
    )
    return Subject(at=request.requested_at, run=run)


def _query() -> Any:
    return (
        select(
            RunRow,
            AttemptRow.due_at.label("attempt_due_at"),
            AttemptRow.pool,
            AttemptRow.urgent,
            JobRow.pool.label("job_pool"),
            JobRow.min_sandbox,
        )
        .join(JobRow, JobRow.id == RunRow.job_id)
        .outerjoin(AttemptRow, and_(AttemptRow.run_id == RunRow.id, AttemptRow.number == RunRow.attempt))
    )


async def _rows(session: AsyncSession, *conditions: ColumnElement[bool], limit: int = 20) -> list[Any]:
    query = _query().where(*conditions).order_by(RunRow.due_at, RunRow.number).limit(limit)
    return list(await session.execute(query))


def _telling(row: Any) -> tuple[int, int]:
    run: RunRow = row.RunRow
    rank = 2 if run.state in _NOT_RUN else 1 if run.state in _WAITING else 0
    return rank, -run.number


def _end(row: Any) -> datetime:
    run: RunRow = row.RunRow
    return max(run.nominal_until or run.nominal_at, run.due_at)


def _subject(at: datetime, row: Any) -> Subject:
    run: RunRow = row.RunRow
    facts = RunFacts(
        number=run.number,
        state=run.state,
        reason=run.reason,
        detail=run.detail,
        cause=run.cause,
        requested_by=run.requested_by,
        schedule_id=None if run.schedule_id is None else ScheduleId(run.schedule_id),
        nominal_at=run.nominal_at,
        due_at=run.due_at,
        instants=run.instants,
        nominal_until=run.nominal_until,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        duration=None if run.duration_ms is None else timedelta(milliseconds=run.duration_ms),
        exit_code=run.exit_code,
        signal=run.signal,
        executor=run.executor,
        attempt=run.attempt,
        attempt_due_at=row.attempt_due_at,
        pool=row.pool or row.job_pool,
        min_sandbox=row.min_sandbox,
        urgent=bool(row.urgent),
    )
    shown = WhyRun(
        id=run.id,
        number=run.number,
        state=run.state,
        schedule_id=run.schedule_id,
        nominal_at=run.nominal_at,
        nominal_until=run.nominal_until,
        instants=run.instants,
    )
    return Subject(at=at, run=facts, shown=shown)
