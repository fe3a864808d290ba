"""Ends of runs that jobs wait for, as the scheduler writes them: noted with the end, taken with the start."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import changed, insert_all, pieces, table_of
from shared.db.tables import AttemptRow, ChainArrivalRow, ChainEdgeRow, JobRow, RunRow
from shared.domain.chain import Arrival, ChainOn, Join, counts
from shared.domain.ids import ArrivalId, EdgeId, JobId, RunId, new_id
from shared.domain.run import RunState

_ARRIVALS = table_of(ChainArrivalRow)
_EDGES = table_of(ChainEdgeRow)
_JOBS = table_of(JobRow)
_RUNS = table_of(RunRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run that was started and has ended for good."""

    run_id: RunId
    job_id: JobId
    state: RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """A job that runs after others, with what has arrived and started nothing yet."""

    job_id: JobId
    join: Join
    pool: str
    paused_at: datetime | None
    deleted_at: datetime | None
    edges: set[EdgeId] = field(default_factory=set)
    arrivals: list[Arrival] = field(default_factory=list)
    upstream_runs: dict[ArrivalId, RunId] = field(default_factory=dict)


async def note_arrivals(session: AsyncSession, ended: Ended, *, at: datetime) -> set[JobId]:
    """Tell this end to the jobs that run after its job; return those for which it counts.

    Once for each run: of an end that is told again, or that corrects one that was told, nothing follows.
    """
    edges = (await session.execute(_EDGES_FROM, {"job": ended.job_id})).all()
    mark = {"an_id": ended.run_id, "a_state": ended.state, "an_instant": at}
    if not edges or await changed(session, _TELL, mark) != 1:
        return set()
    # Told is also what only deleted jobs would have heard: it is not made up for when they come back.
    living = [edge for edge in edges if edge.deleted_at is None]
    counted = [edge for edge in living if counts(ChainOn(edge.chain_on), ended.state)]
    rows = [
        {
            "id": ArrivalId(new_id()),
            "edge_id": edge.id,
            "job_id": edge.job_id,
            "upstream_id": ended.job_id,
            "upstream_run_id": ended.run_id,
            "state": ended.state,
            "arrived_at": at,
        }
        for edge in counted
    ]
    await insert_all(session, ChainArrivalRow, rows)
    return {JobId(edge.job_id) for edge in counted}


async def lost_for_good(
    session: AsyncSession, *, now: datetime, job_ids: Collection[JobId] | None = None
) -> list[Ended]:
    """Return lost runs that cannot be going any more, and were not told to what runs after their jobs.

    Their time is over, or their own executor has said that they are. None of a time before there was
    anything to tell it to.
    """
    statement = (
        select(RunRow.id, RunRow.job_id)
        .join(ChainEdgeRow, ChainEdgeRow.upstream_id == RunRow.job_id)
        .join(AttemptRow, and_(AttemptRow.run_id == RunRow.id, AttemptRow.number == RunRow.attempt))
        .where(
            RunRow.state == RunState.LOST,
            RunRow.chained_at.is_(None),
            or_(AttemptRow.may_run_until <= now, AttemptRow.settled == true()),
            AttemptRow.may_run_until >= ChainEdgeRow.created_at,
        )
        .distinct()
    )
    if job_ids is not None:
        statement = statement.where(RunRow.job_id.in_(job_ids))
    rows = await session.execute(statement)
    return [Ended(run_id=RunId(id_), job_id=JobId(job_id), state=RunState.LOST) for id_, job_id in rows]


async def cancelled_between_attempts(session: AsyncSession, run_ids: Collection[RunId]) -> list[Ended]:
    """Return those of the runs that were cancelled while they waited for an attempt, not their first."""
    found: list[Ended] = []
    for piece in pieces(run_ids):
        rows = await session.execute(
            select(RunRow.id, RunRow.job_id).where(
                RunRow.id.in_(piece), RunRow.state == RunState.CANCELLED, RunRow.attempt > 1
            )
        )
        found += (
            Ended(run_id=RunId(id_), job_id=JobId(job_id), state=RunState.CANCELLED) for id_, job_id in rows
        )
    return found


async def followers(session: AsyncSession, job_ids: Collection[JobId] | None = None) -> list[Follower]:
    """Return those of the jobs, or of all, at which something has arrived that started nothing yet."""
    found: dict[JobId, Follower] = {}
    waiting: ColumnElement[bool] = _ARRIVALS.c.taken_at.is_(None)
    if job_ids is not None:
        waiting &= _ARRIVALS.c.job_id.in_(job_ids)
    for row in await session.execute(_WAITING.where(waiting)):
        job = found.setdefault(
            JobId(row.job_id),
            Follower(
                job_id=JobId(row.job_id),
                join=row.chain_join,
                pool=row.pool,
                paused_at=row.paused_at,
                deleted_at=row.deleted_at,
            ),
        )
        one = Arrival(id=ArrivalId(row.id), edge_id=EdgeId(row.edge_id), at=row.arrived_at)
        job.arrivals.append(one)
        job.upstream_runs[one.id] = RunId(row.upstream_run_id)
    for piece in pieces(found):
        for job_id, edge_id in await session.execute(_EDGES_TO, {"jobs": piece}):
            found[JobId(job_id)].edges.add(EdgeId(edge_id))
    return list(found.values())


async def take_arrivals(
    session: AsyncSession, taken: Mapping[ArrivalId, RunId | None], *, at: datetime
) -> None:
    """Let these arrivals start nothing any more: each with the run that it started, or without one."""
    by_run: dict[RunId | None, list[ArrivalId]] = defaultdict(list)
    for id_, run_id in taken.items():
        by_run[run_id].append(id_)
    for run_id, ids in by_run.items():
        for piece in pieces(ids):
            statement = update(ChainArrivalRow).where(ChainArrivalRow.id.in_(piece))
            await changed(session, statement.values(taken_at=at, run_id=run_id))


# Built once: each end of a job with others after it asks.
_EDGES_FROM = (
    select(_EDGES.c.id, _EDGES.c.job_id, _EDGES.c.chain_on, _JOBS.c.deleted_at)
    .join(_JOBS, _JOBS.c.id == _EDGES.c.job_id)
    .where(_EDGES.c.upstream_id == bindparam("job"))
)
_EDGES_TO = select(_EDGES.c.job_id, _EDGES.c.id).where(_EDGES.c.job_id.in_(bindparam("jobs", expanding=True)))
_TELL = (
    update(_RUNS)
    .where(
        _RUNS.c.id == bindparam("an_id"),
        _RUNS.c.state == bindparam("a_state"),
        _RUNS.c.chained_at.is_(None),
    )
    .values(chained_at=bindparam("an_instant"))
)
_WAITING = (
    select(
        *(_ARRIVALS.c[name] for name in ("id", "edge_id", "job_id", "upstream_run_id", "arrived_at")),
        *(_JOBS.c[name] for name in ("chain_join", "pool", "paused_at", "deleted_at")),
    )
    .join(_JOBS, _JOBS.c.id == _ARRIVALS.c.job_id)
    .order_by(_ARRIVALS.c.arrived_at, _ARRIVALS.c.id)
)
