"""What jobs run after, which run started which, and the jobs around one job."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.chained import ChainEdge, ChainedRun, ChainGraph, ChainNode, RunsAfterItem, UpstreamItem
from shared.db.tables import ChainArrivalRow, ChainEdgeRow, JobLedgerRow, JobRow, RunRow
from shared.domain.chain import Join
from shared.domain.errors import NotFound
from shared.domain.ids import JobId, RunId

LEVELS: Final = 3
"""So many jobs away the graph reaches, each way,"""
MOST_NODES: Final = 40
"""and so many jobs it shows at most."""


async def runs_after_by_job(session: AsyncSession, joins: Mapping[UUID, Join]) -> dict[UUID, RunsAfterItem]:
    """Return what each of these jobs runs after; `joins` are how many must have ended, by job."""
    arrived = (
        select(func.max(ChainArrivalRow.arrived_at))
        .where(
            ChainArrivalRow.job_id == ChainEdgeRow.job_id,
            ChainArrivalRow.edge_id == ChainEdgeRow.id,
            ChainArrivalRow.taken_at.is_(None),
        )
        .scalar_subquery()
    )
    rows = await session.execute(
        select(ChainEdgeRow, JobRow.name, JobRow.deleted_at, arrived.label("arrived_at"))
        .join(JobRow, JobRow.id == ChainEdgeRow.upstream_id)
        .where(ChainEdgeRow.job_id.in_(list(joins)))
        .order_by(ChainEdgeRow.id)
    )
    found: dict[UUID, list[UpstreamItem]] = defaultdict(list)
    for row in rows:
        edge: ChainEdgeRow = row.ChainEdgeRow
        found[edge.job_id].append(
            UpstreamItem(
                job_id=edge.upstream_id,
                on=edge.chain_on,
                name=row.name,
                deleted_at=row.deleted_at,
                arrived_at=row.arrived_at,
            )
        )
    return {job_id: RunsAfterItem(join=join, jobs=tuple(found[job_id])) for job_id, join in joins.items()}


async def started_by(session: AsyncSession, run_id: RunId) -> tuple[ChainedRun, ...]:
    """Return the runs whose ends started this one, the earliest first."""
    arrival = ChainArrivalRow
    rows = await session.execute(
        select(
            arrival.upstream_run_id.label("run_id"),
            arrival.upstream_id.label("job_id"),
            JobRow.name.label("job_name"),
            RunRow.number,
            arrival.state,
        )
        .join(JobRow, JobRow.id == arrival.upstream_id)
        .outerjoin(RunRow, RunRow.id == arrival.upstream_run_id)
        .where(arrival.run_id == run_id)
        .order_by(arrival.arrived_at, arrival.id)
    )
    return tuple(ChainedRun(**row._mapping) for row in rows)  # noqa: SLF001 - SQLAlchemy's public name


async def started(session: AsyncSession, run_id: RunId) -> tuple[ChainedRun, ...]:
    """Return the runs that the end of this one started, by their jobs' names."""
    rows = await session.execute(
        select(
            RunRow.id.label("run_id"),
            RunRow.job_id,
            JobRow.name.label("job_name"),
            RunRow.number,
            RunRow.state,
        )
        .join(ChainArrivalRow, ChainArrivalRow.run_id == RunRow.id)
        .join(JobRow, JobRow.id == RunRow.job_id)
        .where(ChainArrivalRow.upstream_run_id == run_id)
        .order_by(JobRow.name_key)
    )
    return tuple(ChainedRun(**row._mapping) for row in rows)  # noqa: SLF001 - as above


async def graph_of(session: AsyncSession, job_id: JobId) -> ChainGraph:
    """Return the jobs around this one, a few levels each way.

    A job that is reached by several ways stands at the longest of them, so that every line goes forward.

    Raises:
        NotFound: no such job.
    """
    if await session.scalar(select(JobRow.id).where(JobRow.id == job_id)) is None:
        raise NotFound("There is no such job.")
    before, more_before = await _walk(session, job_id, back=True)
    after, more_after = await _walk(session, job_id, back=False)
    levels = {one: -depth for one, depth in before.items()} | after
    nearest = sorted(levels, key=lambda one: (abs(levels[one]), one))[:MOST_NODES]
    edges = await session.execute(
        _edges(job_id).where(ChainEdgeRow.job_id.in_(nearest), ChainEdgeRow.upstream_id.in_(nearest))
    )
    return ChainGraph(
        nodes=await _nodes(session, {one: levels[one] for one in nearest}),
        edges=tuple(
            ChainEdge(job_id=row.job_id, upstream_id=row.upstream_id, on=row.chain_on) for row in edges
        ),
        more=len(levels) - len(nearest) + more_before + more_after,
    )


async def _walk(session: AsyncSession, job_id: JobId, *, back: bool) -> tuple[dict[UUID, int], int]:
    """Return how far away each job is on one side, and how many there are one level further."""
    depths: dict[UUID, int] = {job_id: 0}
    front: set[UUID] = {job_id}
    for depth in range(1, LEVELS + 2):
        here = ChainEdgeRow.job_id if back else ChainEdgeRow.upstream_id
        rows = await session.execute(_edges(job_id).where(here.in_(front)).order_by(ChainEdgeRow.id))
        front = {row.upstream_id if back else row.job_id for row in rows}
        if depth <= LEVELS:
            depths |= dict.fromkeys(front, depth)
    return depths, len(front - depths.keys())


def _edges(job_id: JobId) -> Select[*tuple[Any, ...]]:
    """Return the question for edges that are there for somebody: those of living jobs, and of this one."""
    return (
        select(ChainEdgeRow.job_id, ChainEdgeRow.upstream_id, ChainEdgeRow.chain_on)
        .join(JobRow, JobRow.id == ChainEdgeRow.job_id)
        .where(or_(JobRow.deleted_at.is_(None), JobRow.id == job_id))
    )


async def _nodes(session: AsyncSession, levels: Mapping[UUID, int]) -> tuple[ChainNode, ...]:
    rows = await session.execute(
        select(JobRow, RunRow.state, RunRow.id.label("run_id"))
        .outerjoin(JobLedgerRow, JobLedgerRow.job_id == JobRow.id)
        .outerjoin(RunRow, and_(RunRow.job_id == JobRow.id, RunRow.number == JobLedgerRow.run_count))
        .where(JobRow.id.in_(list(levels)))
        .order_by(JobRow.name_key)
    )
    nodes = [
        ChainNode(
            id=row.JobRow.id,
            name=row.JobRow.name,
            level=levels[row.JobRow.id],
            join=row.JobRow.chain_join,
            state=row.state,
            run_id=row.run_id,
            paused_at=row.JobRow.paused_at,
            deleted_at=row.JobRow.deleted_at,
        )
        for row in rows
    ]
    return tuple(sorted(nodes, key=lambda node: node.level))
