"""Removes output and files: of runs that left the ledger, and the oldest output where more is kept.

With a run that is gone goes what was asked for it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, and_, delete, exists, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.artifacts import remove_files
from shared.db.engine import Database
from shared.db.logs import remove_logs, runs_with_logs
from shared.db.retention import free_pages, judged_by
from shared.db.tables import AttemptRow, JobRow, RequestRow, RunRow, RunSecretRow
from shared.domain.policy import policy_from_json
from shared.domain.run import FINAL
from shared.runtime.clock import Clock

log = structlog.get_logger()

_EVERY_S = 600.0
_PAGE = 200
_CHUNKS = 100
"""So many chunks go in one step: who stores output must not wait long."""
_BETWEEN_S = 0.1
_MOST_FORGOTTEN = 500
"""In one sweep; bound parameters have their limit, too."""
_ASKED_FOR = timedelta(days=90)
"""So long a request is kept whose run is gone, or never was: its page says why."""


class Retention:
    """One loop over all logs, again and again; several replicas do the same work twice at worst."""

    def __init__(self, database: Database, clock: Clock, *, keep_bytes: int) -> None:
        self._database = database
        self._clock = clock
        self._keep_bytes = keep_bytes

    async def run(self) -> None:
        """Look through all logs every ten minutes until cancelled."""
        while True:
            try:
                removed = await self.sweep() + await self.trim()
            except (SQLAlchemyError, OSError) as error:
                log.warning("old logs wait for the database", error=repr(error))
            else:
                if removed:
                    log.info("old logs removed", runs=removed)
            await self._clock.sleep(_EVERY_S)

    async def sweep(self) -> int:
        """Remove what belongs to no run of the ledger any more; return of how many runs that was."""
        removed = 0
        after: UUID | None = None
        while page := await self._page(after):
            after = page[-1]
            if gone := await self._gone(page):
                await self._remove(gone, files=True)
                removed += len(gone)
            await self._clock.sleep(_BETWEEN_S)
        async with self._database.reading() as session:
            now = await judged_by(session, self._clock.now())
        await self._forget(handled_before=now - _ASKED_FOR)
        return removed

    async def trim(self) -> int:
        """Remove the oldest output of jobs that keep too much; return of how many runs.

        A run stays without its output. What has not ended stays whole, and so does a job's newest run.
        """
        removed = 0
        async with self._database.reading() as session:
            jobs = await printed_by_jobs(session)
        for job_id, printed, keep in jobs:
            over = printed - (keep or self._keep_bytes)
            while over > 0:
                async with self._database.reading() as session:
                    runs = await oldest_printed(session, job_id, limit=_PAGE)
                for run_id, size in runs:
                    await self._remove([run_id], files=False)
                    await self._mark(run_id)
                    removed += 1
                    over -= size
                    if over <= 0:
                        break
                if not runs:
                    break
        return removed

    async def _mark(self, run_id: UUID) -> None:
        # After its chunks: killed in between, it is found again.
        async with self._database.ledger.begin() as session:
            statement = update(AttemptRow).where(AttemptRow.run_id == run_id)
            await session.execute(statement.values(output_removed_at=self._clock.now()))

    async def _page(self, after: UUID | None) -> list[UUID]:
        async with self._database.reading_logs() as session:
            return await runs_with_logs(session, after=after, limit=_PAGE)

    async def _gone(self, run_ids: Sequence[UUID]) -> list[UUID]:
        # Read after the logs: what prints has a run, and that was committed before.
        async with self._database.reading() as session:
            known = set(await session.scalars(select(RunRow.id).where(RunRow.id.in_(run_ids))))
        return [run_id for run_id in run_ids if run_id not in known]

    async def _remove(self, run_ids: Sequence[UUID], *, files: bool) -> None:
        # Of many runs in one step: most print little, and step by step they would come faster than they go.
        # The log last: by it a run is found again, should this be interrupted.
        for remove in (remove_files, remove_logs) if files else (remove_logs,):
            is_more = True
            while is_more:
                async with self._database.logs.begin() as session:
                    count = await remove(session, run_ids, limit=_CHUNKS)
                if not count and remove is remove_files:
                    break  # as of most runs; the room of those before is given back with that of the log
                async with self._database.logs.begin() as session:
                    # Chunks may be large: in one step more room may be freed than is given back.
                    is_more = await free_pages(session) or count == _CHUNKS
                await self._clock.sleep(_BETWEEN_S)

    async def _forget(self, *, handled_before: datetime) -> None:
        # Looked for in all that is kept, so by a reader: on SQLite nobody else could write meanwhile.
        async with self._database.reading() as session:
            run_ids = await runs_to_forget(session, handled_before=handled_before)
        if run_ids:
            async with self._database.ledger.begin() as session:
                await forget_runs(session, run_ids, handled_before=handled_before)
        async with self._database.reading() as session:
            ids = list(await session.scalars(_OF_NO_RUN.where(RequestRow.handled_at < handled_before)))
        if ids:
            async with self._database.ledger.begin() as session:
                await session.execute(delete(RequestRow).where(RequestRow.id.in_(ids)))


# To cancel what waits, or to run a range after the fact: no run is named by them, and no page shows them.
_OF_NO_RUN = select(RequestRow.id).where(RequestRow.run_id.is_(None)).limit(_MOST_FORGOTTEN)


async def runs_to_forget(
    session: AsyncSession, *, handled_before: datetime, limit: int = _MOST_FORGOTTEN
) -> set[UUID]:
    """Return runs that are gone and of which `forget_runs` finds something, some of each kind."""
    old = select(RequestRow.run_id).where(_is_forgotten(handled_before)).limit(limit)
    typed = select(RunSecretRow.run_id).distinct().where(_is_nobodys()).limit(limit)
    return {run_id for found in (old, typed) for run_id in await session.scalars(found) if run_id is not None}


_PRINTED = func.sum(
    func.coalesce(AttemptRow.stdout_bytes, 0)
    + func.coalesce(AttemptRow.stderr_bytes, 0)
    - func.coalesce(AttemptRow.dropped_bytes, 0)
)


async def printed_by_jobs(session: AsyncSession) -> list[tuple[UUID, int, int | None]]:
    """Return of each job how many bytes are kept of what its runs printed, and what it may keep itself."""
    kept = (
        select(AttemptRow.job_id, _PRINTED.label("printed"))
        .where(AttemptRow.output_removed_at.is_(None))
        .group_by(AttemptRow.job_id)
        .subquery()
    )
    found = await session.execute(
        select(JobRow.id, kept.c.printed, JobRow.policy).join(kept, kept.c.job_id == JobRow.id)
    )
    return [(row.id, int(row.printed), policy_from_json(row.policy).keep_bytes) for row in found]


async def oldest_printed(session: AsyncSession, job_id: UUID, *, limit: int) -> list[tuple[UUID, int]]:
    """Return the oldest ended runs of a job whose output is kept, but for its newest run, and their bytes."""
    newest = select(func.max(RunRow.number)).where(RunRow.job_id == job_id).scalar_subquery()
    found = await session.execute(
        select(RunRow.id, _PRINTED)
        .join(AttemptRow, AttemptRow.run_id == RunRow.id)
        .where(
            RunRow.job_id == job_id,
            RunRow.state.in_(FINAL),
            RunRow.number < newest,
            AttemptRow.output_removed_at.is_(None),
        )
        .group_by(RunRow.id, RunRow.number)
        .having(_PRINTED > 0)
        .order_by(RunRow.number)
        .limit(limit)
    )
    return [(run_id, int(size)) for run_id, size in found]


async def forget_runs(session: AsyncSession, run_ids: Collection[UUID], *, handled_before: datetime) -> None:
    """Forget requests that were handled before then and whose runs are gone, and what was typed for them."""
    await session.execute(
        delete(RequestRow).where(RequestRow.run_id.in_(run_ids), _is_forgotten(handled_before))
    )
    # A value is typed before its run is there: it goes when nobody asks for that run any more, either.
    await session.execute(delete(RunSecretRow).where(RunSecretRow.run_id.in_(run_ids), _is_nobodys()))


def _is_forgotten(handled_before: datetime) -> ColumnElement[bool]:
    is_gone = ~exists().where(RunRow.id == RequestRow.run_id)
    return and_(RequestRow.handled_at < handled_before, RequestRow.run_id.is_not(None), is_gone)


def _is_nobodys() -> ColumnElement[bool]:
    is_asked_for = exists().where(RequestRow.run_id == RunSecretRow.run_id)
    return and_(~exists().where(RunRow.id == RunSecretRow.run_id), ~is_asked_for)
