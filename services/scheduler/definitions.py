"""Follows what people do to jobs: new versions move the cursors, and withdraw what is planned ahead."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.emission import Planned, write_plans
from services.scheduler.endings import end_held, end_unstarted, withdrawal
from services.scheduler.ledger import Effects
from services.scheduler.overlap import decide_held
from services.scheduler.planner import Misfire, Span, plan
from shared.db.attempts import attempts_of_runs
from shared.db.cursors import (
    Cursor,
    FollowedJob,
    cursors_of,
    insert_cursors,
    jobs_to_follow,
    move_cursors,
    refresh_next_due,
    store_version,
)
from shared.db.runs import waiting_after
from shared.domain.ids import JobId, RunId
from shared.domain.run import Reason

log = structlog.get_logger()

BATCH = 200
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


async def follow_jobs(
    session: AsyncSession,
    effects: Effects,
    job_ids: Collection[JobId] | None,
    *,
    misfire: Misfire,
    now: datetime,
) -> int:
    """Take over the newest versions of these jobs, or of all; return how many there were.

    At most `BATCH` at once: ask again while there are as many. Nothing fires merely because it was
    created, resumed or edited: a cursor starts at that instant.
    """
    jobs = await jobs_to_follow(session, limit=BATCH, job_ids=job_ids)
    if not jobs:
        return 0
    ids = {job.id for job in jobs}
    for job in jobs:
        await store_version(session, job)
    cursors = await cursors_of(session, ids)
    for job in jobs:
        for cursor in cursors.get(job.id, []):
            await _follow_cursor(session, effects, job, cursor, misfire=misfire, now=now)
        await _withdraw(session, effects, job, cursors.get(job.id, []), now=now)
    await refresh_next_due(session, ids)
    await decide_held(session, effects, ids, now=now)
    log.info("jobs followed", count=len(jobs))
    return len(jobs)


async def _follow_cursor(
    session: AsyncSession,
    effects: Effects,
    job: FollowedJob,
    cursor: Cursor,
    *,
    misfire: Misfire,
    now: datetime,
) -> None:
    decided_until = cursor.decided_until
    is_followed = cursor.next_due_at is not None
    if decided_until is None:
        decided_until = cursor.created_at
        next_due_at = cursor.timetable.next_after(decided_until)
        await insert_cursors(session, [_new_cursor(cursor, decided_until, next_due_at)])
        is_followed = next_due_at is not None
    stopped_at = min((at for at in (job.stopped_at, cursor.retired_at) if at is not None), default=None)
    if stopped_at is None and not is_followed:
        # Instants of a pause are never caught up: a cursor that lay still goes on from the resumption.
        decided_until = max(decided_until, job.updated_at)
        await move_cursors(
            session, [(cursor.schedule_id, decided_until, cursor.timetable.next_after(decided_until))]
        )
    elif stopped_at is not None and is_followed:
        span = Span(decided_until=decided_until, now=now, horizon=stopped_at)
        await write_plans(session, effects, [_closed(job, cursor, span, misfire)], now=now)


def _new_cursor(cursor: Cursor, decided_until: datetime, next_due_at: datetime | None) -> dict[str, object]:
    return {
        "schedule_id": cursor.schedule_id,
        "job_id": cursor.job_id,
        "decided_until": decided_until,
        "next_due_at": next_due_at,
    }


def _closed(job: FollowedJob, cursor: Cursor, span: Span, misfire: Misfire) -> Planned:
    """Decide what was promised up to the end of the schedule, and nothing beyond it."""
    last = plan(cursor.timetable, span, misfire=misfire, overlap=job.overlap, active=True)
    return Planned(
        schedule_id=cursor.schedule_id,
        job_id=job.id,
        pool=job.pool,
        plan=replace(last, next_due_at=None),
    )


async def _withdraw(
    session: AsyncSession,
    effects: Effects,
    job: FollowedJob,
    cursors: Iterable[Cursor],
    *,
    now: datetime,
) -> None:
    """Cancel what is planned for after the end; whatever is overlooked here is refused at its claim."""
    if job.deleted_at is not None:
        waiting = await waiting_after(session, job.id, after=_BEFORE_ALL)
        await _cancel(session, effects, waiting, Reason.DELETED, now=now)
    elif job.paused_at is not None:
        waiting = await waiting_after(session, job.id, after=job.paused_at, scheduled_only=True)
        await _cancel(session, effects, waiting, Reason.PAUSED, now=now)
    for cursor in cursors:
        if cursor.retired_at is not None:
            waiting = await waiting_after(
                session, job.id, after=cursor.retired_at, schedule_id=cursor.schedule_id
            )
            await _cancel(session, effects, waiting, Reason.EDITED, now=now)


async def _cancel(
    session: AsyncSession, effects: Effects, run_ids: Collection[RunId], reason: Reason, *, now: datetime
) -> None:
    ending = withdrawal(reason, now=now)
    queued = {one.run_id: one for one in (await attempts_of_runs(session, run_ids)).values()}
    for run_id in run_ids:
        attempt = queued.get(run_id)
        if attempt is not None:
            await end_unstarted(session, effects, attempt, ending)
        else:
            await end_held(session, effects, run_id, ending)
