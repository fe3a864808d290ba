"""Notices that the rules of time zones are newer than those that the cursors were moved by.

Every start compares the version of the pinned `tzdata` with the one that the ledger remembers. Where it
changed, what comes next of every schedule is worked out anew. Nothing that is decided is decided again,
and what only the new rules name before now is not run: nobody had promised it.
"""

from datetime import datetime, timedelta
from importlib.metadata import version as installed_version

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.calendars import calendars_of
from services.scheduler.fates import following, upcoming
from services.scheduler.ledger import Effects, Ledger
from services.scheduler.planning import line_of
from services.scheduler.rules import Calendars, Misfire, Rules
from shared.db.cursors import Move, move_cursors, refresh_next_due
from shared.db.facts import fact, store_fact
from shared.db.planning import DueCursor, followed_cursors
from shared.domain.ids import JobId, ScheduleId

log = structlog.get_logger()

FACT = "tzdata"
_PAGE = 500
_NAMED = 10
_INSTANT = timedelta(microseconds=1)


async def follow_zone_rules(ledger: Ledger, misfire: Misfire, *, version: str | None = None) -> None:
    """Work out anew what comes next, page by page, if the ledger's rules are not those of `version`.

    None: of the installed package.
    """
    version = version or installed_version("tzdata")
    known = await ledger.write(lambda session, _: fact(session, FACT))
    if known == version:
        return
    moved: dict[JobId, None] = {}
    after: ScheduleId | None = None
    while True:
        page = after

        async def work(
            session: AsyncSession, _: Effects, page: ScheduleId | None = page
        ) -> tuple[ScheduleId | None, set[JobId]]:
            return await _rework(session, page, misfire, now=ledger.clock.now())

        after, jobs = await ledger.write(work)
        moved |= dict.fromkeys(jobs)
        if after is None:
            break
    await ledger.write(lambda session, _: store_fact(session, FACT, version))
    log.info(
        "time-zone rules changed",
        version=version,
        before=known,
        jobs=len(moved),
        first=[str(job_id) for job_id in list(moved)[:_NAMED]],
    )


async def _rework(
    session: AsyncSession, after: ScheduleId | None, misfire: Misfire, *, now: datetime
) -> tuple[ScheduleId | None, set[JobId]]:
    """Move one page of cursors; return where the next begins, and the jobs for which something changed."""
    cursors = await followed_cursors(session, after=after, limit=_PAGE)
    shelf = await calendars_of(session, {cursor.job_id: cursor.policy for cursor in cursors})
    moves = {cursor: _moved(cursor, misfire, shelf.get(cursor.job_id), now=now) for cursor in cursors}
    changed = {
        cursor: move
        for cursor, move in moves.items()
        if (move.next_due_at, move.shown_at) != (cursor.next_due_at, cursor.shown_at)
    }
    jobs = {cursor.job_id for cursor in changed}
    await move_cursors(session, list(changed.values()))
    await refresh_next_due(session, jobs, now=now)
    return (cursors[-1].schedule_id if len(cursors) == _PAGE else None), jobs


def _moved(cursor: DueCursor, misfire: Misfire, calendars: Calendars | None, *, now: datetime) -> Move:
    rules = Rules(
        job_id=cursor.job_id,
        policy=cursor.policy,
        overlap=cursor.overlap,
        misfire=misfire,
        calendars=calendars,
        promised=cursor.promised,
    )
    decided_until = max(cursor.decided_until, min(now, cursor.next_due_at - _INSTANT))
    line = line_of(cursor, decided_until=decided_until)
    return Move(
        schedule_id=cursor.schedule_id,
        decided_until=decided_until,
        next_due_at=following(rules, line, decided_until),
        shown_at=upcoming(rules, line, decided_until),
    )
