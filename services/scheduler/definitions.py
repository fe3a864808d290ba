"""Follows what people do to jobs: new versions move the cursors, and withdraw what is planned ahead."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.calendars import calendars_of
from services.scheduler.emission import write_plans
from services.scheduler.endings import end_held, end_unstarted, withdrawal
from services.scheduler.fates import following, upcoming
from services.scheduler.ledger import Effects
from services.scheduler.overlap import decide_held
from services.scheduler.planning import Case, line_of, plan_cases
from services.scheduler.rules import Calendars, Line, Misfire, Rules, Span
from shared.db.attempts import attempts_of_runs
from shared.db.cursors import (
    Cursor,
    FollowedJob,
    Move,
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
_INSTANT = timedelta(microseconds=1)
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


async def follow_jobs(
    session: AsyncSession,
    effects: Effects,
    job_ids: Collection[JobId] | None,
    *,
    misfire: Misfire,
    now: datetime,
    since: datetime | None = None,
) -> int:
    """Take over the newest versions of these jobs, or of all; return how many there were.

    `since` looks only at what was changed since then, which is much cheaper than at every job.
    At most `BATCH` at once: ask again while there are as many. Nothing fires merely because it was
    created, resumed or edited: a cursor starts at that instant.
    """
    jobs = await jobs_to_follow(session, limit=BATCH, job_ids=job_ids, since=since)
    if not jobs:
        return 0
    ids = {job.id for job in jobs}
    for job in jobs:
        await store_version(session, job)
    cursors = await cursors_of(session, ids)
    shelf = await calendars_of(session, {job.id: job.policy for job in jobs})
    for job in jobs:
        rules = _rules(job, misfire, shelf.get(job.id))
        await _follow_cursors(session, effects, job, rules, cursors.get(job.id, []), now=now)
        await _withdraw(session, effects, job, cursors.get(job.id, []), now=now)
    await decide_held(session, effects, ids, now=now)
    await refresh_next_due(session, ids, now=now)
    log.info("jobs followed", count=len(jobs))
    return len(jobs)


def _rules(job: FollowedJob, misfire: Misfire, calendars: Calendars | None) -> Rules:
    rules = Rules(
        job_id=job.id,
        policy=job.policy,
        overlap=job.overlap,
        misfire=misfire,
        calendars=calendars,
        promised=job.promised,
    )
    # Whatever is planned here is contested where anything can be, and decided at the end.
    return replace(rules, unfinished=rules.at_once or 0)


async def _follow_cursors(
    session: AsyncSession,
    effects: Effects,
    job: FollowedJob,
    rules: Rules,
    cursors: Sequence[Cursor],
    *,
    now: datetime,
) -> None:
    """Move the job's cursors to where the new version begins, or close those that are followed no more."""
    new = [_begun(rules, cursor) for cursor in cursors if cursor.decided_until is None]
    await insert_cursors(session, [_row(move, job) for move in new])
    begun = {move.schedule_id: move for move in new}
    closing: dict[datetime, list[Line]] = defaultdict(list)
    moves: list[Move] = []
    for cursor in cursors:
        at = begun.get(cursor.schedule_id)
        known = (
            (cursor.decided_until, cursor.next_due_at) if at is None else (at.decided_until, at.next_due_at)
        )
        decided_until, next_due_at = known
        stopped_at = min(
            (one for one in (job.stopped_at, cursor.retired_at) if one is not None), default=None
        )
        if decided_until is None:
            continue
        if stopped_at is None:
            moves.append(_moved(rules, cursor, _from(job, decided_until, next_due_at)))
        elif next_due_at is not None:
            closing[stopped_at].append(line_of(cursor, decided_until=decided_until))
    await move_cursors(session, moves)
    for stopped_at, lines in closing.items():
        await _close(session, effects, job, rules, lines, Span(now=now, horizon=stopped_at))


def _from(job: FollowedJob, decided_until: datetime, next_due_at: datetime | None) -> datetime:
    """Return from where a schedule is decided by the job's new version.

    Nothing fires because a job was edited or resumed: what was not promised before that is not promised
    now. Of a schedule that was followed, only what was due already is still to be decided.
    """
    since = job.updated_at if next_due_at is None else min(job.updated_at, next_due_at - _INSTANT)
    return max(decided_until, since)


def _begun(rules: Rules, cursor: Cursor) -> Move:
    return _moved(rules, cursor, cursor.created_at)


def _moved(rules: Rules, cursor: Cursor, decided_until: datetime) -> Move:
    line = line_of(cursor, decided_until=decided_until)
    is_over = rules.left == 0
    return Move(
        schedule_id=cursor.schedule_id,
        decided_until=decided_until,
        next_due_at=None if is_over else following(rules, line, decided_until),
        shown_at=None if is_over else upcoming(rules, line, decided_until),
    )


def _row(move: Move, job: FollowedJob) -> dict[str, object]:
    return {**asdict(move), "job_id": job.id}


async def _close(
    session: AsyncSession,
    effects: Effects,
    job: FollowedJob,
    rules: Rules,
    lines: Sequence[Line],
    span: Span,
) -> None:
    """Decide what was promised up to the end of these schedules, and nothing beyond it."""
    case = Case(rules=rules, lines=tuple(lines), span=span, pool=job.pool, has_siblings=True)
    planned = await plan_cases(session, [case])
    ended = [replace(one, plan=replace(one.plan, next_due_at=None, shown_at=None)) for one in planned]
    await write_plans(session, effects, ended, now=span.now)


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
