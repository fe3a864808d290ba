"""Removes old runs, slowly: whoever promises must never wait for it.

Nor must a clock that was set months ahead remove what is not old: time goes on here by an hour a look at
most, and looks come every ten minutes. After a long absence it catches up, six times as fast as time goes.
"""

from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.ledger import Effects, Ledger
from shared.db.facts import fact, store_fact
from shared.db.locks import lock_free_jobs
from shared.db.retention import LOOKED_AT, MOST, Kept, free_pages, kept_jobs, remove_old
from shared.domain.ids import JobId
from shared.domain.retention import Keep

log = structlog.get_logger()

_EVERY_S = 600.0
_PAGE = 200
_LONGEST_STEP = timedelta(hours=1)
_BETWEEN_S = 0.2
"""Claims and plans have their turn between two steps."""


class Retention:
    """One loop over all jobs, again and again. Where it was is not stored: what is left is found again."""

    def __init__(self, ledger: Ledger, usual: Keep) -> None:
        self._ledger = ledger
        self._clock = ledger.clock
        self._usual = usual

    async def run(self) -> None:
        """Look through all jobs every ten minutes until cancelled."""
        while True:
            removed = await self.sweep()
            if removed:
                log.info("old runs removed", count=removed)
            await self._clock.sleep(_EVERY_S)

    async def sweep(self) -> int:
        """Remove what is old by now, and return how many runs that were."""
        removed = 0
        now = await self._time()
        after: JobId | None = None
        while page := await self._page(after):
            after = page[-1].job_id
            for job in page:
                if job.may_have_more(now):
                    removed += await self._remove(job, now)
            await self._clock.sleep(_BETWEEN_S)
        return removed

    async def _time(self) -> datetime:
        """Return the time to judge by: the clock's, unless it went too far ahead since the last look."""

        async def step(session: AsyncSession, _: Effects) -> datetime:
            before, now = await fact(session, LOOKED_AT), self._clock.now()
            if before is not None:
                now = min(now, datetime.fromisoformat(before) + _LONGEST_STEP)
            await store_fact(session, LOOKED_AT, now.isoformat())
            return now

        try:
            now = await self._ledger.write(step)
        except IntegrityError:  # another scheduler was faster, at its very first look
            now = await self._ledger.write(step)
        if now < self._clock.now() - _LONGEST_STEP:
            log.warning("clock is far ahead of the last look at old runs", clock=self._clock.now(), taken=now)
        return now

    async def _page(self, after: JobId | None) -> list[Kept]:
        return await self._ledger.write(
            lambda session, _: kept_jobs(session, after=after, usual=self._usual, limit=_PAGE)
        )

    async def _remove(self, job: Kept, now: datetime) -> int:
        async def step(session: AsyncSession, _: Effects) -> int:
            # Another transaction has it: its turn comes with the next sweep.
            if not await lock_free_jobs(session, {job.job_id}):
                return 0
            return await remove_old(session, job, now=now)

        removed = 0
        while count := await self._ledger.write(step):
            removed += count
            await self._ledger.write(lambda session, _: free_pages(session))
            if count < MOST:
                break
            await self._clock.sleep(_BETWEEN_S)
        return removed
