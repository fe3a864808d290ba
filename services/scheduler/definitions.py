"""Follows what people do to jobs: new versions move the cursors, and withdraw what is planned ahead."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.arrivals import tell_cancelled
from services.scheduler.calendars import calendars_of
from services.scheduler.emission import write_plans
from services.scheduler.endings import withdrawal
from services.scheduler.fates import following, upcoming
from services.scheduler.ledger import Effects
from services.scheduler.overlap import decide_held
from services.scheduler.planner import Plan, missed
from services.scheduler.planning import Case, Planned, line_of, plan_cases
from services.scheduler.rules import Calendars, Line, Misfire, Rules, Span
from services.scheduler.unpaused import unpaused
from shared.db.attempts import cancel_queued_of
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
from shared.db.pauses import EndedPause, pauses_ended_since
from shared.db.runs import cancel_waiting, waiting_after, waiting_again
from shared.domain.ids import JobId, RunId
from shared.domain.run import Reason

log = structlog.get_logger()

BATCH = 200
_INSTANT = timedelta(microseconds=1)
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """A job with a new version, and how far its schedules were followed."""

    job: FollowedJob
    rules: Rules
    cursors: tuple[Cursor, ...]
    pauses: tuple[EndedPause, ...]

    def stop(self, cursor: Cursor) -> tuple[datetime, Reason] | None:
        """Return since when and why this schedule is not followed; None while it is."""
        job = self.job
        stops = (
            (job.deleted_at, Reason.DELETED),
            (job.paused_at, Reason.PAUSED),
            (cursor.retired_at, Reason.EDITED),
        )
        return min(((at, why) for at, why in stops if at is not None), default=None)

    def by(self, rules: Rules) -> "_Change":
        """Return it by other rules."""
        return replace(self, rules=rules)


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
    pauses = await _pauses(session, cursors)
    shelf = await calendars_of(session, {job.id: job.policy for job in jobs})
    for job in jobs:
        change = _Change(
            job=job,
            rules=_rules(job, misfire, shelf.get(job.id)),
            cursors=tuple(cursors.get(job.id, ())),
            pauses=pauses.get(job.id, ()),
        )
        # First, lest anything coincides with what is not to run; and again, for an instant before the end
        # may have been meant to run after it.
        await _withdraw(session, effects, change, now=now)
        await _follow_cursors(session, effects, change, now=now)
        await _withdraw(session, effects, change, now=now)
    await decide_held(session, effects, ids, now=now)
    await refresh_next_due(session, ids, now=now)
    log.info("jobs followed", count=len(jobs))
    return len(jobs)


async def _pauses(
    session: AsyncSession, cursors: Mapping[JobId, Sequence[Cursor]]
) -> dict[JobId, tuple[EndedPause, ...]]:
    since = [cursor.begins_at for own in cursors.values() for cursor in own]
    return await pauses_ended_since(session, cursors.keys(), since=min(since)) if since else {}


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


async def _follow_cursors(session: AsyncSession, effects: Effects, change: _Change, *, now: datetime) -> None:
    """Move the job's cursors to where the new version begins, or close those that are followed no more."""
    rules = change.rules
    await insert_cursors(
        session,
        [_row(_begun(rules, one), change.job) for one in change.cursors if one.decided_until is None],
    )
    moves: list[Move] = []
    closing: dict[tuple[datetime, Reason], list[Line]] = defaultdict(list)
    resumed: list[Line] = []
    pauses = tuple(one for one in change.pauses if one.paused_at <= now)
    for cursor in change.cursors:
        line = unpaused(line_of(cursor, decided_until=cursor.begins_at), pauses)
        next_due_at = _next_due_at(rules, cursor)
        stop = change.stop(cursor)
        if stop is None and (line.named is None or rules.left == 0):
            moves.append(_moved(rules, cursor, _from(change.job, cursor.begins_at, next_due_at)))
        elif stop is None:
            resumed.append(line)
        elif next_due_at is not None or line.named is not None:
            closing[stop].append(line)
        elif cursor.retired_at is not None:
            moves.append(_closed(cursor, cursor.retired_at))
    await move_cursors(session, moves)
    for stop in sorted(closing):
        rules = await _close(session, effects, change.by(rules), closing[stop], stop, now=now)
    if resumed:
        span = Span(now=now, horizon=max(now, *(pause.resumed_at for pause in pauses)))
        await _decide(session, effects, change.by(rules), resumed, span)


async def _close(
    session: AsyncSession,
    effects: Effects,
    change: _Change,
    lines: Sequence[Line],
    stop: tuple[datetime, Reason],
    *,
    now: datetime,
) -> Rules:
    """Decide what was promised up to the stop, after which there is nothing; return the rules as then.

    Who stopped it may have had a clock that is ahead of this one, by seconds or by days. It is stopped all
    the same: what was named until then and is still to come is not planned, but stands in the ledger.
    """
    at, why = stop
    rules = await _decide(session, effects, change, lines, Span(now=now, horizon=min(at, now)), closed_at=at)
    if at > now:
        left = [_left_out(line, max(now, line.decided_until), at, why) for line in lines]
        planned = [
            Planned(job_id=change.job.id, pool=change.job.pool, min_sandbox=change.job.min_sandbox, plan=one)
            for one in left
        ]
        await write_plans(session, effects, planned, now=now)
    return rules


def _left_out(line: Line, after: datetime, until: datetime, why: Reason) -> Plan:
    found = missed(line, after, until)
    return Plan(
        schedule_id=line.schedule_id,
        missed=None if found is None else replace(found, withdrawn=why),
        instants=(),
        decided_until=max(after, until),
        next_due_at=None,
        shown_at=None,
    )


def _next_due_at(rules: Rules, cursor: Cursor) -> datetime | None:
    return cursor.next_due_at if cursor.decided_until is not None else _begun(rules, cursor).next_due_at


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


def _closed(cursor: Cursor, at: datetime) -> Move:
    return Move(
        schedule_id=cursor.schedule_id,
        decided_until=max(cursor.begins_at, at),
        next_due_at=None,
        shown_at=None,
    )


async def _decide(
    session: AsyncSession,
    effects: Effects,
    change: _Change,
    lines: Sequence[Line],
    span: Span,
    *,
    closed_at: datetime | None = None,
) -> Rules:
    """Decide what was promised of these schedules up to the horizon; return the rules as they are then.

    `closed_at`: nothing is promised beyond that.
    """
    rules, job = change.rules, change.job
    case = Case(
        rules=rules,
        lines=tuple(lines),
        span=span,
        pool=job.pool,
        min_sandbox=job.min_sandbox,
        has_siblings=True,
    )
    planned = await plan_cases(session, [case])
    if closed_at is not None:
        planned = [replace(one, plan=_ended(one.plan, closed_at)) for one in planned]
    await write_plans(session, effects, planned, now=span.now)
    return replace(rules, promised=rules.promised + sum(len(one.plan.emissions) for one in planned))


def _ended(plan: Plan, at: datetime) -> Plan:
    return replace(plan, decided_until=max(plan.decided_until, at), next_due_at=None, shown_at=None)


async def _withdraw(session: AsyncSession, effects: Effects, change: _Change, *, now: datetime) -> None:
    """Cancel what is planned for after the end; whatever is overlooked here is refused at its claim."""
    job = change.job
    if job.deleted_at is not None:
        waiting = await waiting_after(session, job.id, after=_BEFORE_ALL)
        await _cancel(session, effects, waiting, Reason.DELETED, now=now)
    elif job.paused_at is not None:
        waiting = [
            *await waiting_after(session, job.id, after=job.paused_at, scheduled_only=True),
            *await waiting_again(session, job.id, after=job.paused_at),
        ]
        await _cancel(session, effects, waiting, Reason.PAUSED, now=now)
    for cursor in change.cursors:
        if cursor.retired_at is not None:
            waiting = await waiting_after(
                session,
                job.id,
                after=cursor.retired_at,
                schedule_id=cursor.schedule_id,
                scheduled_only=True,
            )
            await _cancel(session, effects, waiting, Reason.EDITED, now=now)


async def _cancel(
    session: AsyncSession, effects: Effects, run_ids: Collection[RunId], reason: Reason, *, now: datetime
) -> None:
    # By few statements: of a job that any number of runs wait for, there are tens of thousands.
    ending = withdrawal(reason, now=now)
    values = {"reason": ending.reason, "detail": ending.detail, "finished_at": ending.finished_at}
    await cancel_queued_of(session, run_ids, values)
    await cancel_waiting(session, run_ids, values)
    await tell_cancelled(session, effects, run_ids, now=now)
    for run_id in run_ids:
        effects.run_changed(run_id)
