"""Removes old runs, slowly: whoever promises must never wait for it."""

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.ledger import Effects, Ledger
from shared.db.locks import lock_free_jobs
from shared.db.retention import MOST, Kept, free_pages, kept_jobs, remove_old
from shared.domain.ids import JobId
from shared.domain.retention import Keep

log = structlog.get_logger()

_EVERY_S = 600.0
_PAGE = 200
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
        after: JobId | None = None
        while page := await self._page(after):
            after = page[-1].job_id
            for job in page:
                if job.may_have_more(self._clock.now()):
                    removed += await self._remove(job)
            await self._clock.sleep(_BETWEEN_S)
        return removed

    async def _page(self, after: JobId | None) -> list[Kept]:
        return await self._ledger.write(
            lambda session, _: kept_jobs(session, after=after, usual=self._usual, limit=_PAGE)
        )

    async def _remove(self, job: Kept) -> int:
        async def step(session: AsyncSession, _: Effects) -> int:
            # Another transaction has it: its turn comes with the next sweep.
            if not await lock_free_jobs(session, {job.job_id}):
                return 0
            return await remove_old(session, job, now=self._clock.now())

        removed = 0
        while count := await self._ledger.write(step):
            removed += count
            await self._ledger.write(lambda session, _: free_pages(session))
            if count < MOST:
                break
            await self._clock.sleep(_BETWEEN_S)
        return removed
