"""What jobs run after, as the ui writes it with their definitions."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.tables import ChainEdgeRow, JobRow
from shared.domain.chain import Join, RunsAfter, Upstream
from shared.domain.ids import EdgeId, JobId, new_id

_LOCK = 0x506F7243
"""The advisory lock of all chains: "PorC"."""


async def lock_edges(session: AsyncSession) -> None:
    """Let nobody else change what runs after what until the commit; take it first in the transaction.

    On SQLite whoever writes is alone; on SQL Server `links_of_living` locks what it reads.
    """
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(_LOCK)))


async def links_of_living(session: AsyncSession) -> dict[JobId, list[JobId]]:
    """Return of each job that is not deleted, and runs after others, which those are."""
    rows = await session.execute(
        select(ChainEdgeRow.job_id, ChainEdgeRow.upstream_id)
        .join(JobRow, JobRow.id == ChainEdgeRow.job_id)
        .where(JobRow.deleted_at.is_(None))
        .with_hint(ChainEdgeRow, "WITH (TABLOCKX, HOLDLOCK)", "mssql")
    )
    links: dict[JobId, list[JobId]] = defaultdict(list)
    for job_id, upstream_id in rows:
        links[JobId(job_id)].append(JobId(upstream_id))
    return links


async def names_of(session: AsyncSession, job_ids: Collection[JobId]) -> dict[JobId, str]:
    """Return the names of those of the jobs that exist, deleted or not."""
    rows = await session.execute(select(JobRow.id, JobRow.name).where(JobRow.id.in_(job_ids)))
    return {JobId(job_id): name for job_id, name in rows}


async def unknown_jobs(session: AsyncSession, job_ids: Collection[JobId]) -> set[JobId]:
    """Return those of the ids that are no job's, or a deleted one's."""
    if not job_ids:
        return set()
    living = select(JobRow.id).where(JobRow.id.in_(job_ids), JobRow.deleted_at.is_(None))
    return set(job_ids) - {JobId(one) for one in await session.scalars(living)}


async def runs_after_of(session: AsyncSession, job_id: JobId) -> RunsAfter:
    """Return what the job runs after, in the order in which it was entered."""
    join = await session.scalar(select(JobRow.chain_join).where(JobRow.id == job_id))
    rows = await session.scalars(
        select(ChainEdgeRow).where(ChainEdgeRow.job_id == job_id).order_by(ChainEdgeRow.id)
    )
    upstreams = tuple(Upstream(JobId(row.upstream_id), row.chain_on) for row in rows)
    return RunsAfter(upstreams=upstreams) if join is None else RunsAfter(join, upstreams)


async def replace_edges(
    session: AsyncSession, job_id: JobId, wanted: RunsAfter, current: RunsAfter, *, now: datetime
) -> None:
    """Let the job run after these. An edge that stays as it was keeps its id, and what arrived by it.

    Whatever changes begins anew: nothing starts because a job was edited.
    """
    kept = set(current.upstreams) & set(wanted.upstreams) if wanted.join is current.join else set()
    if wanted.join is Join.ALL and kept == set(wanted.upstreams) != set(current.upstreams):
        kept = set()  # what has arrived by these may be all that is wanted now
    gone = [one.job_id for one in current.upstreams if one not in kept]
    if gone:
        await session.execute(
            delete(ChainEdgeRow).where(ChainEdgeRow.job_id == job_id, ChainEdgeRow.upstream_id.in_(gone))
        )
    fresh = [one for one in wanted.upstreams if one not in kept]
    # Ids made in one millisecond are in no order; edges are listed by id.
    ids = sorted(new_id() for _ in fresh)
    session.add_all(
        ChainEdgeRow(id=EdgeId(id_), job_id=job_id, upstream_id=one.job_id, chain_on=one.on, created_at=now)
        for id_, one in zip(ids, fresh, strict=True)
    )
    await session.flush()
