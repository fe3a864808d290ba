"""What there is to judge by: the ledger, the logs, and what the scripts themselves testified."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import func, select

from shared.db.engine import Database
from shared.db.tables import (
    AttemptRow,
    ChainArrivalRow,
    ChainEdgeRow,
    JobRow,
    LogChunkRow,
    RequestRow,
    RunRow,
    ScheduleRow,
)
from shared.domain.run import RunState
from tests.chaos.load import JOBS, Load
from tests.chaos.people import Wishes

GOING = (RunState.HELD, RunState.QUEUED, RunState.RUNNING)
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the witness: `start`, `end`, or whom the script met: `together`, `crowd`."""

    word: str
    run_id: UUID
    attempt: int
    pid: int
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A schedule as it was created, and until when it was followed."""

    schedule_id: UUID
    load: Load
    anchor: datetime | None
    begins_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All of it, taken when everything was quiet."""

    promises: Sequence[Promise]
    loads: Mapping[UUID, Load]
    runs: Sequence[RunRow]
    attempts: Sequence[AttemptRow]
    chunks: Mapping[UUID, Sequence[tuple[int, str]]]
    """Per attempt, (sequence, text) in order."""
    lines: Sequence[Line]
    requests: Sequence[RequestRow]
    wishes: Wishes
    edges: Sequence[ChainEdgeRow] = ()
    arrivals: Sequence[ChainArrivalRow] = ()
    """The ends of which jobs that run after others were told."""


async def gathered(database: Database, witness: str, wishes: Wishes) -> Evidence:
    """Read everything."""
    jobs = {job.id: job for job in await _all(database, JobRow)}
    by_name = {load.name: load for load in JOBS}
    loads = {job.id: by_name[job.name] for job in jobs.values()}
    promises = [
        _promise(row, jobs[row.job_id], loads[row.job_id])
        for row in await _all(database, ScheduleRow)
        if loads[row.job_id].every_s or loads[row.job_id].cron
    ]
    async with database.reading_logs() as session:
        order = select(LogChunkRow).order_by(LogChunkRow.attempt_id, LogChunkRow.seq)
        chunks: dict[UUID, list[tuple[int, str]]] = {}
        for chunk in (await session.scalars(order)).all():
            chunks.setdefault(chunk.attempt_id, []).append((chunk.seq, zlib.decompress(chunk.body).decode()))
    return Evidence(
        promises=promises,
        loads=loads,
        runs=await _all(database, RunRow),
        attempts=await _all(database, AttemptRow),
        chunks=chunks,
        lines=testified(witness),
        requests=await _all(database, RequestRow),
        wishes=wishes,
        edges=await _all(database, ChainEdgeRow),
        arrivals=await _all(database, ChainArrivalRow),
    )


async def unfinished(database: Database) -> list[str]:
    """Say what is not at its end yet: runs, attempts, what a person asked for, and ends not told on."""
    async with database.reading() as session:
        runs = (await session.scalars(select(RunRow).where(RunRow.state.in_(GOING)))).all()
        attempts = (await session.scalars(select(AttemptRow).where(AttemptRow.state.in_(GOING)))).all()
        requests = (await session.scalars(select(RequestRow).where(RequestRow.handled_at.is_(None)))).all()
        followed = RunRow.job_id.in_(select(ChainEdgeRow.upstream_id))
        untold = (RunRow.state == RunState.LOST) & RunRow.chained_at.is_(None) & followed
        lost = (await session.scalars(select(RunRow).where(untold))).all()
        waiting = (
            await session.scalars(select(ChainArrivalRow).where(ChainArrivalRow.taken_at.is_(None)))
        ).all()
    return (
        [f"run {run.id} is {run.state}, due {run.due_at:%H:%M:%S}" for run in runs]
        + [f"attempt {one.number} of run {one.run_id} is {one.state}" for one in attempts]
        + [f"request {one.id} ({one.kind}) is not handled" for one in requests]
        + [f"the loss of run {run.id} is not told" for run in lost]
        + [f"the end of run {one.upstream_run_id} has started nothing" for one in waiting]
    )


async def ended(database: Database) -> int:
    """Count the attempts that have ended."""
    async with database.reading() as session:
        over = select(func.count()).select_from(AttemptRow).where(AttemptRow.state.not_in(GOING))
        return (await session.scalar(over)) or 0


async def promised_until(database: Database, job: str) -> datetime:
    """Return the newest instant of a job in the ledger."""
    newest = func.coalesce(RunRow.nominal_until, RunRow.nominal_at)
    of_job = select(newest).join(JobRow, JobRow.id == RunRow.job_id).where(JobRow.name == job)
    async with database.reading() as session:
        instants = (await session.scalars(of_job.order_by(newest.desc()).limit(1))).all()
    return instants[0] if instants else datetime.min.replace(tzinfo=UTC)


def testified(text: str) -> list[Line]:
    """Read the witness."""
    found = []
    for line in text.splitlines():
        word, run_id, attempt, pid, at_ns = line.split()
        found.append(Line(word, UUID(run_id), int(attempt), int(pid), int(at_ns)))
    return found


def _promise(row: ScheduleRow, job: JobRow, load: Load) -> Promise:
    assert job.paused_at is not None
    anchor = row.spec.get("anchor")
    return Promise(
        schedule_id=row.id,
        load=load,
        anchor=None if anchor is None else datetime.fromisoformat(anchor),
        begins_at=row.created_at,
        ends_at=job.paused_at,
    )


async def _all(database: Database, table: type[Row]) -> Sequence[Row]:
    async with database.reading() as session:
        return (await session.scalars(select(table))).all()
