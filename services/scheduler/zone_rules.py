"""Notices that the rules of time zones are newer than those that the cursors were moved by.

Every start compares the version of the pinned `tzdata` with the one that the ledger remembers. Where it
changed, what comes next of every schedule is worked out anew. Nothing that is decided is decided again,
and what only the new rules name before now is not run: nobody had promised it.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from importlib.metadata import version as installed_version

import structlog
from sqlalchemy.exc import IntegrityError
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


class ZoneRules:
    """Compares the rules at the start, and works through the cursors one page at a time.

    Planning goes on between two pages: with many schedules there are minutes of them.
    """

    def __init__(self, ledger: Ledger, misfire: Misfire, *, version: str | None = None) -> None:
        """Follow the rules of `version`; None: of the installed package."""
        self._ledger = ledger
        self._misfire = misfire
        self._version = version or installed_version("tzdata")
        self._is_done = False
        self._before: str | None = None
        self._since: datetime | None = None
        self._after: ScheduleId | None = None
        self._moved: dict[JobId, None] = {}

    async def step(self) -> bool:
        """Do the next page, if there is one; False: everything follows these rules."""
        if self._is_done:
            return False
        if self._since is None:
            self._since = self._ledger.clock.now()
            self._before = await self._ledger.write(lambda session, _: fact(session, FACT))
            self._is_done = self._before == self._version
            return not self._is_done
        self._after, jobs = await self._ledger.write(self._page)
        self._moved |= dict.fromkeys(jobs)
        if self._after is None:
            await self._finish()
        return not self._is_done

    async def _page(self, session: AsyncSession, _: Effects) -> tuple[ScheduleId | None, set[JobId]]:
        now = self._ledger.clock.now()
        return await _rework(session, self._after, self._misfire, since=self._since or now, now=now)

    async def _finish(self) -> None:
        with suppress(IntegrityError):  # another scheduler was faster, with the same work
            await self._ledger.write(lambda session, _: store_fact(session, FACT, self._version))
        self._is_done = True
        log.info(
            "time-zone rules changed",
            version=self._version,
            before=self._before,
            jobs=len(self._moved),
            first=[str(job_id) for job_id in list(self._moved)[:_NAMED]],
        )


async def _rework(
    session: AsyncSession,
    after: ScheduleId | None,
    misfire: Misfire,
    *,
    since: datetime,
    now: datetime,
) -> tuple[ScheduleId | None, set[JobId]]:
    """Move one page of cursors; return where the next begins, and the jobs for which something changed.

    `since` is when these rules began to be followed: what they name before that was never promised.
    """
    cursors = await followed_cursors(session, after=after, limit=_PAGE)
    shelf = await calendars_of(session, {cursor.job_id: cursor.policy for cursor in cursors})
    changed: list[Move] = []
    jobs: set[JobId] = set()
    for cursor in cursors:
        move = _moved(cursor, misfire, shelf.get(cursor.job_id), since=since)
        if (move.next_due_at, move.shown_at) != (cursor.next_due_at, cursor.shown_at):
            changed.append(move)
            jobs.add(cursor.job_id)
    await move_cursors(session, changed)
    await refresh_next_due(session, jobs, now=now)
    return (cursors[-1].schedule_id if cursors else None), jobs


def _moved(cursor: DueCursor, misfire: Misfire, calendars: Calendars | None, *, since: datetime) -> Move:
    rules = Rules(
        job_id=cursor.job_id,
        policy=cursor.policy,
        overlap=cursor.overlap,
        misfire=misfire,
        calendars=calendars,
        promised=cursor.promised,
    )
    decided_until = max(cursor.decided_until, min(since, cursor.next_due_at - _INSTANT))
    line = line_of(cursor, decided_until=decided_until)
    return Move(
        schedule_id=cursor.schedule_id,
        decided_until=decided_until,
        next_due_at=following(rules, line, decided_until),
        shown_at=upcoming(rules, line, decided_until),
    )
