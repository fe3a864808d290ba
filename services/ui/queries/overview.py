"""The first page: figures, what needs attention, what is next."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, and_, distinct, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.models import RunBrief
from services.ui.queries.briefs import BRIEF_COLUMNS, brief, is_waiting
from services.ui.queries.jobs import FAILING
from services.ui.queries.logs import last_error_line
from services.ui.queries.mutes import Muted, with_names
from services.ui.queries.schedules import in_one_line, schedules_by_job
from services.ui.queries.timeline import Timeline, timeline
from shared.db import mutes
from shared.db.engine import Sessions
from shared.db.executors import executors
from shared.db.tables import AttemptRow, CursorRow, JobLedgerRow, JobRow, RunRow
from shared.domain.ids import AttemptId
from shared.domain.job import JobSchedule
from shared.domain.run import Cause, Reason, RunState

_SHOWN = 8
_DELAY_SAMPLE = 500
_DAY = timedelta(hours=24)
_HOUR = timedelta(hours=1)
_BRAKED = (RunState.SKIPPED, RunState.FAILED, RunState.TIMED_OUT)
_COUNTED = tuple(state for state in RunState if state is not RunState.SKIPPED)


class Attention(msgspec.Struct, frozen=True, kw_only=True):
    """A job whose newest ended run did not succeed."""

    job_id: UUID
    job_name: str
    run: RunBrief
    instants: int
    """Of more than one missed instant there is no single run to repeat."""
    detail: str
    last_error: str | None
    """The last line on stderr, at most 200 characters."""


class Braked(msgspec.Struct, frozen=True, kw_only=True):
    """A job that started by itself too often within the last hour."""

    job_id: UUID
    job_name: str
    runs: int
    """How many of its runs the brake ended."""
    last_at: datetime


class NextUp(msgspec.Struct, frozen=True, kw_only=True):
    """What is due next."""

    job_id: UUID
    job_name: str
    due_at: datetime
    schedule_text: str


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The first page: four figures, what needs attention, what is next, and the timeline."""

    jobs: int
    running: int
    slots: int
    waiting: int
    oldest_waiting_at: datetime | None
    failed_24h: int
    total_24h: int
    """Runs that ended or are going; skipped ones do not count."""
    failed_jobs_24h: int
    start_delay_p99_ms: int | None
    """Due to started, over the newest scheduled runs of 24 hours; None when none ran."""
    attention: tuple[Attention, ...]
    braked: tuple[Braked, ...]
    muted: tuple[Muted, ...]
    """Jobs that are in neither of the two because somebody muted them."""
    next_up: tuple[NextUp, ...]
    timeline: Timeline


async def overview(reading: Sessions, reading_logs: Sessions, *, hours: int, now: datetime) -> Overview:
    """Return the first page; the timeline reaches `hours` back."""
    async with reading() as session:
        waiting, oldest = await _waiting(session, now)
        failed, failed_jobs, total = await _last_day(session, now)
        running = await _count(session, RunRow.state == RunState.RUNNING)
        jobs = await _count(session, JobRow.deleted_at.is_(None))
        slots = sum(one.slots for one in await executors(session) if one.online and not one.is_ailing)
        delay = await _start_delay_p99_ms(session, now)
        next_up = await _next_up(session, now)
        held = await mutes.held(session, now)
        quiet = [one.job_id for one in held]
        attention = await _attention(session, reading_logs, quiet)
        braked = await _braked(session, now, quiet)
        muted = await with_names(session, held)
        rows = await timeline(session, hours=hours, now=now)
    return Overview(
        jobs=jobs,
        running=running,
        slots=slots,
        waiting=waiting,
        oldest_waiting_at=oldest,
        failed_24h=failed,
        total_24h=total,
        failed_jobs_24h=failed_jobs,
        start_delay_p99_ms=delay,
        attention=attention,
        braked=braked,
        muted=muted,
        next_up=next_up,
        timeline=rows,
    )


async def _count(session: AsyncSession, condition: ColumnElement[bool]) -> int:
    return await session.scalar(select(func.count()).where(condition)) or 0


async def _waiting(session: AsyncSession, now: datetime) -> tuple[int, datetime | None]:
    row = (await session.execute(select(func.count(), func.min(RunRow.due_at)).where(is_waiting(now)))).one()
    return row[0], row[1]


async def _last_day(session: AsyncSession, now: datetime) -> tuple[int, int, int]:
    in_day = and_(RunRow.due_at >= now - _DAY, RunRow.due_at <= now)
    failed, failed_jobs = (
        await session.execute(
            select(func.count(), func.count(distinct(RunRow.job_id))).where(RunRow.state.in_(FAILING), in_day)
        )
    ).one()
    # Named one by one, the states are answered from (state, due_at) alone; "not skipped" reads the rows.
    total = await _count(session, and_(in_day, RunRow.state.in_(_COUNTED)))
    return failed, failed_jobs, total


async def _start_delay_p99_ms(session: AsyncSession, now: datetime) -> int | None:
    rows = await session.execute(
        select(RunRow.due_at, RunRow.started_at)
        .where(
            RunRow.due_at >= now - _DAY,
            RunRow.started_at.is_not(None),
            RunRow.cause == Cause.SCHEDULE,
            RunRow.attempt <= 1,  # a later attempt started when its delay had passed
        )
        .order_by(RunRow.due_at.desc())
        .limit(_DELAY_SAMPLE)
    )
    delays = sorted((row.started_at - row.due_at) / timedelta(milliseconds=1) for row in rows)
    return max(0, round(delays[ceil(len(delays) * 0.99) - 1])) if delays else None


async def _attention(
    session: AsyncSession, reading_logs: Sessions, quiet: Sequence[UUID]
) -> tuple[Attention, ...]:
    # Of each state the newest are read from the end of its index: asked for all at once, all would be sorted.
    newest = [
        select(JobLedgerRow.job_id)
        .join(JobRow, JobRow.id == JobLedgerRow.job_id)
        .where(JobLedgerRow.last_state == state, JobRow.deleted_at.is_(None), *_not_of(quiet))
        .order_by(JobLedgerRow.last_finished_at.desc())
        .limit(_SHOWN)
        .subquery()
        for state in FAILING
    ]
    among = union_all(*(select(one.c.job_id) for one in newest)).subquery()
    rows = await session.execute(
        select(
            *BRIEF_COLUMNS,
            RunRow.detail,
            RunRow.instants,
            RunRow.job_id,
            JobRow.name,
            AttemptRow.id.label("attempt_id"),
        )
        .join(JobLedgerRow, JobLedgerRow.last_run_id == RunRow.id)
        .join(JobRow, JobRow.id == JobLedgerRow.job_id)
        .outerjoin(AttemptRow, and_(AttemptRow.run_id == RunRow.id, AttemptRow.number == RunRow.attempt))
        .where(JobLedgerRow.job_id.in_(select(among.c.job_id)))
        .order_by(JobLedgerRow.last_finished_at.desc())
        .limit(_SHOWN)
    )
    async with reading_logs() as logs:
        return tuple([await _attention_item(logs, row) for row in rows])


def _not_of(quiet: Sequence[UUID]) -> list[ColumnElement[bool]]:
    return [JobRow.id.not_in(quiet)] if quiet else []


async def _braked(session: AsyncSession, now: datetime, quiet: Sequence[UUID]) -> tuple[Braked, ...]:
    newest = func.max(RunRow.due_at)
    rows = await session.execute(
        select(RunRow.job_id, JobRow.name, func.count().label("runs"), newest.label("last_at"))
        .join(JobRow, JobRow.id == RunRow.job_id)
        .where(
            RunRow.state.in_(_BRAKED),
            RunRow.due_at > now - _HOUR,
            RunRow.due_at <= now,
            RunRow.reason == Reason.BRAKED,
            JobRow.deleted_at.is_(None),
            *_not_of(quiet),
        )
        .group_by(RunRow.job_id, JobRow.name)
        .order_by(newest.desc())
        .limit(_SHOWN)
    )
    return tuple(
        Braked(job_id=row.job_id, job_name=row.name, runs=row.runs, last_at=row.last_at) for row in rows
    )


async def _attention_item(logs: AsyncSession, row: Any) -> Attention:
    last_error = None if row.attempt_id is None else await last_error_line(logs, AttemptId(row.attempt_id))
    return Attention(
        job_id=row.job_id,
        job_name=row.name,
        run=brief(row),
        instants=row.instants,
        detail=row.detail,
        last_error=last_error,
    )


async def _next_up(session: AsyncSession, now: datetime) -> tuple[NextUp, ...]:
    """Return each job once, with when it is due after jitter and calendars: as the jobs list says it."""
    rows = list(
        await session.execute(
            select(JobRow.id, JobRow.name, JobLedgerRow.next_due_at)
            .join_from(JobLedgerRow, JobRow, JobRow.id == JobLedgerRow.job_id)
            .where(JobLedgerRow.next_due_at > now, JobRow.deleted_at.is_(None), JobRow.paused_at.is_(None))
            .order_by(JobLedgerRow.next_due_at)
            .limit(_SHOWN)
        )
    )
    job_ids = [row.id for row in rows]
    followed = await schedules_by_job(session, job_ids)
    named = await _named(session, job_ids)
    return tuple(
        NextUp(
            job_id=row.id,
            job_name=row.name,
            due_at=row.next_due_at,
            schedule_text=_text_of(followed.get(row.id, []), named.get((row.id, row.next_due_at))),
        )
        for row in rows
    )


async def _named(session: AsyncSession, job_ids: Sequence[UUID]) -> dict[tuple[UUID, datetime], UUID]:
    """Return by which schedule each of these jobs is due at an instant."""
    rows = await session.execute(
        select(CursorRow.job_id, CursorRow.shown_at, CursorRow.schedule_id).where(
            CursorRow.job_id.in_(job_ids), CursorRow.shown_at.is_not(None)
        )
    )
    return {(row.job_id, row.shown_at): row.schedule_id for row in rows}


def _text_of(schedules: Sequence[JobSchedule], schedule_id: UUID | None) -> str:
    # A run that is planned ahead is of an instant that the cursors have passed: then all of them are said.
    one = next((one for one in schedules if one.id == schedule_id), None)
    return in_one_line(schedules if one is None else [one])
