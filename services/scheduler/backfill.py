"""Runs instants after the fact: those of a range that have no run which succeeded, waits or is going."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.ledger import Effects
from services.scheduler.overlap import decide_held
from shared.db.asked import Asked
from shared.db.cursors import cursors_of, take_numbers
from shared.db.retention import removed_until
from shared.db.runs import NewRun, insert_runs, settled_instants
from shared.domain.backfill import Instant, Lane, Scope, chosen, eligible, instants_of, scope_from_json
from shared.domain.errors import InvalidInput
from shared.domain.ids import RunId, new_id
from shared.domain.run import Cause, RunState


async def backfill(session: AsyncSession, effects: Effects, asked: Asked, *, now: datetime) -> str:
    """Make a run of each instant that was asked for, due now; return the outcome in words.

    They go one after another, oldest first, unless the job allows overlap. The job's schedules, their
    cursors and its `max_runs` know nothing of it, and it works while the job is paused.
    """
    if asked.deleted_at is not None:
        return "refused: the job is deleted. Restore it first."
    try:
        wanted = await _wanted(session, asked, scope_from_json(asked.scope or {}), now=now)
    except InvalidInput as error:
        return f"refused: {error.message}"
    if not wanted:
        return "nothing to run: every instant of the range has run, or waits"
    numbers = await take_numbers(session, {asked.job_id: len(wanted)})
    first = numbers[asked.job_id]
    await insert_runs(
        session, [_run(asked, one, number, now=now) for number, one in enumerate(wanted, start=first)]
    )
    await decide_held(session, effects, {asked.job_id}, now=now)
    return _words(first, len(wanted))


async def _wanted(session: AsyncSession, asked: Asked, scope: Scope, *, now: datetime) -> Sequence[Instant]:
    cursors = (await cursors_of(session, {asked.job_id}, retired=scope.schedule_id is not None)).get(
        asked.job_id, []
    )
    lanes = [
        Lane(
            schedule_id=cursor.schedule_id,
            fires=cursor.timetable,
            args=cursor.args,
            undecided_from=cursor.next_due_at,
        )
        for cursor in cursors
        if scope.schedule_id in {None, cursor.schedule_id}
        and (scope.schedule_id or cursor.retired_at is None)
    ]
    until = min(scope.until, now)
    # Of what was removed nobody knows any more whether it ran: it is not run twice.
    removed = await removed_until(session, asked.job_id)
    after = scope.after if removed is None else max(scope.after, removed)
    if after >= until:
        return ()
    instants = instants_of(lanes, after=after, until=until)
    settled = await settled_instants(session, asked.job_id, after=after, until=until)
    return chosen(eligible(instants, settled), scope.which)


def _run(asked: Asked, instant: Instant, number: int, *, now: datetime) -> NewRun:
    return NewRun(
        id=RunId(new_id()),
        job_id=asked.job_id,
        number=number,
        cause=Cause.BACKFILL,
        requested_by=asked.requested_by,
        nominal_at=instant.nominal_at,
        due_at=now,
        state=RunState.HELD,
        created_at=now,
        schedule_id=instant.schedule_id,
    )


def _words(first: int, count: int) -> str:
    return f"1 instant as #{first}" if count == 1 else f"{count} instants as #{first} to #{first + count - 1}"
