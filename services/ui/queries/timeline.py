"""Runs over time: the jobs that fail or run most, and what is still to come."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import case, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.models import RunBrief
from services.ui.queries.briefs import BRIEF_COLUMNS, brief
from services.ui.queries.jobs import FAILING
from services.ui.queries.schedules import schedules_by_job, upcoming
from shared.db.tables import JobLedgerRow, JobRow, RunRow
from shared.domain.job import JobSchedule
from shared.domain.policy import policy_from_json
from shared.domain.run import RunState

_ROWS = 8
_RUNS = 200
_UPCOMING = 40
_AMONG = 200
"""So many jobs of each kind are looked at, however many there are."""
_INSTANT = timedelta(microseconds=1)


class TimelineRow(msgspec.Struct, frozen=True, kw_only=True):
    """One job's runs in the timeline's window, and what is still to come in it."""

    job_id: UUID
    job_name: str
    runs: tuple[RunBrief, ...]
    upcoming: tuple[datetime, ...]


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Busiest or failing jobs over a window that reaches a little into the future."""

    since: datetime
    now: datetime
    until: datetime
    rows: tuple[TimelineRow, ...]


async def timeline(session: AsyncSession, *, hours: int, now: datetime) -> Timeline:
    """Return at most 8 jobs with at most 200 runs each; the window reaches a quarter into the future."""
    since = now - timedelta(hours=hours)
    until = now + timedelta(hours=hours) / 4
    rows = list(await session.execute(_jobs_to_show(since)))
    followed = await schedules_by_job(session, [row.id for row in rows if row.paused_at is None])
    return Timeline(
        since=since,
        now=now,
        until=until,
        rows=tuple(
            [
                TimelineRow(
                    job_id=row.id,
                    job_name=row.name,
                    runs=await _runs(session, row.id, since=since, now=now),
                    upcoming=_upcoming(row, followed.get(row.id, []), now=now, until=until),
                )
                for row in rows
            ]
        ),
    )


def _jobs_to_show(since: datetime) -> Any:
    """Return the query of the jobs; looked for among those that failed, ended or started last."""
    ended = select(JobLedgerRow.job_id).order_by(JobLedgerRow.last_finished_at.desc()).limit(_AMONG)
    recent = JobLedgerRow.last_finished_at >= since
    failed = [ended.where(JobLedgerRow.last_state == state, recent) for state in FAILING]
    running = select(RunRow.job_id).where(RunRow.state == RunState.RUNNING).limit(_AMONG)
    sets = [one.subquery() for one in (*failed, ended.where(recent), running)]
    among = union_all(*(select(one.c.job_id) for one in sets)).subquery()
    return (
        select(JobRow.id, JobRow.name, JobRow.paused_at, JobRow.policy, JobLedgerRow.next_due_at)
        .join_from(JobLedgerRow, JobRow, JobRow.id == JobLedgerRow.job_id)
        .where(JobRow.deleted_at.is_(None), JobLedgerRow.job_id.in_(select(among.c.job_id)))
        .order_by(
            case((JobLedgerRow.last_state.in_(FAILING), 0), else_=1), JobLedgerRow.run_count.desc(), JobRow.id
        )
        .limit(_ROWS)
    )


def _upcoming(
    row: Any, schedules: Sequence[JobSchedule], *, now: datetime, until: datetime
) -> tuple[datetime, ...]:
    """Return what the rules name from the job's next run on; a job without one has nothing to come."""
    if row.next_due_at is None:
        return ()
    policy = policy_from_json(row.policy)
    # Jitter delays a run past the instant that its rule names, and then that one is still to come.
    after = max(now, row.next_due_at - policy.jitter - _INSTANT)
    end = until if policy.ends_at is None else min(until, policy.ends_at)
    return upcoming(schedules, after=after, limit=_UPCOMING, until=end)


async def _runs(
    session: AsyncSession, job_id: UUID, *, since: datetime, now: datetime
) -> tuple[RunBrief, ...]:
    newest = select(*BRIEF_COLUMNS).where(RunRow.job_id == job_id).order_by(RunRow.number.desc()).limit(_RUNS)
    rows = list(await session.execute(newest))
    return tuple(brief(row) for row in reversed(rows) if since <= row.due_at <= now)
