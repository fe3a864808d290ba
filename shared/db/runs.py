"""The runs, as the scheduler writes them: promised instants and what became of each."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import changed, changed_where, columns_of, insert_all, pieces, table_of, update_all
from shared.db.tables import AttemptRow, CursorRow, JobRow, RunRow
from shared.domain.backfill import SETTLED
from shared.domain.ids import ExecutorName, JobId, RunId, ScheduleId
from shared.domain.policy import Overlap, Policy, policy_from_json
from shared.domain.run import Cause, Reason, RunState, sources_of
from shared.domain.sandbox import MinSandbox

_ATTEMPTS = table_of(AttemptRow)
_CURSORS = table_of(CursorRow)
_JOBS = table_of(JobRow)
_RUNS = table_of(RunRow)
_WAITING = (RunState.HELD, RunState.QUEUED)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run as it enters the ledger."""

    id: RunId
    job_id: JobId
    number: int
    cause: Cause
    nominal_at: datetime
    due_at: datetime
    state: RunState
    created_at: datetime
    schedule_id: ScheduleId | None = None
    promise_key: str | None = None
    requested_by: str | None = None
    reason: Reason | None = None
    detail: str = ""
    instants: int = 1
    nominal_until: datetime | None = None
    attempt: int = 0
    finished_at: datetime | None = None
    rerun_of: RunId | None = None
    args: list[str] | None = None
    parameters: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A run that may still start or still be going."""

    id: RunId
    job_id: JobId
    number: int
    state: RunState
    due_at: datetime
    cause: Cause
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRun:
    """A run that waits for its decision, with what is needed to make it."""

    id: RunId
    job_id: JobId
    number: int
    due_at: datetime
    cause: Cause
    attempt: int
    pool: str
    min_sandbox: MinSandbox
    overlap: Overlap
    policy: Policy
    state: RunState = RunState.HELD

    @property
    def at_once(self) -> int | None:
        """Return how many runs of the job may go at the same time; None: any number."""
        return self.policy.at_once(self.overlap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page of waiting runs ended."""

    due_at: datetime
    id: RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlined:
    """A run that has not been started, and how long after it was due it may start."""

    place: Place
    job_id: JobId
    deadline: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """A run as it is announced to those who watch."""

    id: RunId
    job_id: JobId
    number: int
    state: RunState
    reason: Reason | None
    cause: Cause
    attempt: int
    due_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    executor: ExecutorName | None
    exit_code: int | None
    signal: int | None
    next_due_at: datetime | None


def promise_key(schedule_id: ScheduleId, nominal_at: datetime) -> str:
    """Return what no two runs may share: one instant of one schedule."""
    return f"{schedule_id}@{nominal_at:%Y-%m-%dT%H:%M:%SZ}"


async def insert_runs(session: AsyncSession, runs: Sequence[NewRun]) -> None:
    """Write new runs.

    Raises:
        sqlalchemy.exc.IntegrityError: when an instant is promised already.
    """
    await insert_all(session, RunRow, [{**columns_of(run), "noted_at": run.finished_at} for run in runs])


async def promised(session: AsyncSession, keys: Collection[str]) -> set[str]:
    """Return those of the keys that stand in the ledger."""
    found: set[str] = set()
    for piece in pieces(keys):
        rows = await session.scalars(select(RunRow.promise_key).where(RunRow.promise_key.in_(piece)))
        found.update(key for key in rows if key is not None)
    return found


async def exists(session: AsyncSession, run_id: RunId) -> bool:
    """Say whether there is a run with this id."""
    return await session.scalar(select(RunRow.id).where(RunRow.id == run_id)) is not None


async def standing_of(session: AsyncSession, run_id: RunId) -> tuple[JobId, RunState] | None:
    """Return the job of the run and where it is; None when there is none."""
    row = (
        await session.execute(select(RunRow.job_id, RunRow.state).where(RunRow.id == run_id))
    ).one_or_none()
    return None if row is None else (JobId(row.job_id), row.state)


async def state_of(session: AsyncSession, run_id: RunId) -> RunState | None:
    """Return where the run is; None when there is none."""
    return await session.scalar(select(RunRow.state).where(RunRow.id == run_id))


async def move_run(
    session: AsyncSession,
    run_id: RunId,
    to: RunState,
    values: Mapping[str, object],
    *,
    attempt: int | None = None,
) -> bool:
    """Move a run as the state table allows; False when it is elsewhere, or at another attempt.

    Its end counts as noted when it ended, unless `values` say when it was.
    """
    if "finished_at" in values:
        values = {"noted_at": values["finished_at"], **values}
    is_: dict[str, object] = {"id": run_id, "state": sources_of(to)}
    if attempt is not None:
        is_["attempt"] = attempt
    return await changed_where(session, RunRow, is_, {"state": to, **values}) == 1


async def cancel_waiting(
    session: AsyncSession, run_ids: Collection[RunId], values: Mapping[str, object]
) -> None:
    """Cancel those of the runs that are held or queued."""
    for piece in pieces(run_ids):
        statement = update(RunRow).where(RunRow.id.in_(piece), RunRow.state.in_(_WAITING))
        noted_at = values["finished_at"]
        await changed(session, statement.values(state=RunState.CANCELLED, noted_at=noted_at, **values))


async def start_runs(session: AsyncSession, starts: Sequence[tuple[RunId, int, ExecutorName | None]]) -> None:
    """Move runs to running under (run, attempt, executor), whose attempts were claimed just now."""
    await update_all(
        session,
        _START,
        [{"an_id": run, "a_number": number, "an_executor": executor} for run, number, executor in starts],
    )


async def note_start(session: AsyncSession, run_id: RunId, attempt: int, started_at: datetime) -> bool:
    """Store when the newest attempt's script started; its state is not touched."""
    is_ = {"id": run_id, "attempt": attempt}
    return await changed_where(session, RunRow, is_, {"started_at": started_at}) == 1


async def unfinished_runs(
    session: AsyncSession, job_ids: Collection[JobId], *, now: datetime
) -> dict[JobId, list[Unfinished]]:
    """Return the runs of these jobs that count for overlap, by due instant.

    They are held, queued, running, or lost while their last attempt may still be going.
    """
    if not job_ids:
        return {}
    found = defaultdict(list)
    rows = await session.execute(_UNFINISHED, {"jobs": list(job_ids), "now": now})
    for values in rows.mappings():
        run = Unfinished(**values)
        found[run.job_id].append(run)
    return found


async def held_runs(session: AsyncSession, job_ids: Collection[JobId], *, due_by: datetime) -> list[HeldRun]:
    """Return what is held of these jobs and due by then, in the order in which it is decided."""
    if not job_ids:
        return []
    rows = await session.execute(_HELD, {"jobs": list(job_ids), "due_by": due_by})
    return [HeldRun(**{**values, "policy": policy_from_json(values["policy"])}) for values in rows.mappings()]


async def held_dues(session: AsyncSession, *, due_by: datetime) -> list[tuple[datetime, JobId]]:
    """Return (due instant, job) of everything held that is due by then, each once."""
    rows = await session.execute(_HELD_DUES, {"due_by": due_by})
    return [(due_at, JobId(job_id)) for due_at, job_id in rows]


async def with_deadline(
    session: AsyncSession, *, due_before: datetime, after: Place | None, limit: int
) -> list[Deadlined]:
    """Return a page of runs with a deadline that are due and were not started, oldest first."""
    deadline_s = JobRow.policy["start_deadline_s"].as_integer()
    statement = (
        select(RunRow.id, RunRow.job_id, RunRow.due_at, deadline_s.label("deadline_s"))
        .join(JobRow, JobRow.id == RunRow.job_id)
        .where(
            RunRow.state.in_(_WAITING),
            RunRow.due_at < due_before,
            RunRow.attempt <= 1,
            RunRow.cause != Cause.BACKFILL,
            deadline_s.is_not(None),
        )
        .order_by(RunRow.due_at, RunRow.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(
            or_(RunRow.due_at > after.due_at, and_(RunRow.due_at == after.due_at, RunRow.id > after.id))
        )
    return [
        Deadlined(
            place=Place(due_at=row.due_at, id=RunId(row.id)),
            job_id=JobId(row.job_id),
            deadline=timedelta(seconds=row.deadline_s),
        )
        for row in await session.execute(statement)
    ]


async def waiting_after(
    session: AsyncSession,
    job_id: JobId,
    *,
    after: datetime,
    schedule_id: ScheduleId | None = None,
    scheduled_only: bool = False,
) -> list[RunId]:
    """Return the held and queued runs of a job that are due after `after`."""
    statement = select(RunRow.id).where(
        RunRow.job_id == job_id, RunRow.state.in_(_WAITING), RunRow.due_at > after
    )
    if schedule_id is not None:
        statement = statement.where(RunRow.schedule_id == schedule_id)
    if scheduled_only:
        statement = statement.where(RunRow.cause == Cause.SCHEDULE)
    return [RunId(run_id) for run_id in await session.scalars(statement)]


async def waiting_named_by(
    session: AsyncSession, job_id: JobId, *, until: datetime, limit: int
) -> list[RunId]:
    """Return held and queued runs of a job that are of an instant up to then, in no order."""
    statement = select(RunRow.id).where(
        RunRow.job_id == job_id, RunRow.state.in_(_WAITING), RunRow.nominal_at <= until
    )
    return [RunId(run_id) for run_id in await session.scalars(statement.limit(limit))]


async def waiting_again(session: AsyncSession, job_id: JobId, *, after: datetime) -> list[RunId]:
    """Return the scheduled runs of a job that wait for an attempt, not their first, due after `after`."""
    statement = (
        select(RunRow.id)
        .join(AttemptRow, and_(AttemptRow.run_id == RunRow.id, AttemptRow.number == RunRow.attempt))
        .where(
            RunRow.job_id == job_id,
            RunRow.state == RunState.QUEUED,
            RunRow.attempt > 1,
            RunRow.cause == Cause.SCHEDULE,
            AttemptRow.due_at > after,
        )
    )
    return [RunId(run_id) for run_id in await session.scalars(statement)]


async def settled_instants(
    session: AsyncSession, job_id: JobId, *, after: datetime, until: datetime
) -> set[tuple[ScheduleId, datetime]]:
    """Return (schedule, instant) in (after, until] of which a run succeeded, waits or is going."""
    rows = await session.execute(
        select(RunRow.schedule_id, RunRow.nominal_at).where(
            RunRow.job_id == job_id,
            RunRow.state.in_(tuple(SETTLED)),
            RunRow.schedule_id.is_not(None),
            RunRow.nominal_at > after,
            RunRow.nominal_at <= until,
        )
    )
    return {(ScheduleId(schedule_id), at) for schedule_id, at in rows if schedule_id is not None}


async def run_facts(session: AsyncSession, run_ids: Collection[RunId]) -> list[RunFacts]:
    """Return these runs as they stand now, each with its job's next due instant."""
    rows = await session.execute(_RUN_FACTS, {"ids": list(run_ids)})
    return [RunFacts(**values) for values in rows.mappings()]


# Built once: to build such a statement costs more than to run it.
_START = (
    update(_RUNS)
    .where(
        _RUNS.c.id == bindparam("an_id"),
        _RUNS.c.attempt == bindparam("a_number"),
        _RUNS.c.state == RunState.QUEUED,
    )
    .values(state=RunState.RUNNING, executor=bindparam("an_executor"))
)
_HELD_DUES = (
    select(_RUNS.c.due_at, _RUNS.c.job_id)
    .where(_RUNS.c.state == RunState.HELD, _RUNS.c.due_at <= bindparam("due_by"))
    .distinct()
)
_UNFINISHED = (
    select(*(_RUNS.c[name] for name in ("id", "job_id", "number", "state", "due_at", "cause", "attempt")))
    .outerjoin(_ATTEMPTS, and_(_ATTEMPTS.c.run_id == _RUNS.c.id, _ATTEMPTS.c.number == _RUNS.c.attempt))
    .where(
        _RUNS.c.job_id.in_(bindparam("jobs", expanding=True)),
        _RUNS.c.state.in_((*_WAITING, RunState.RUNNING, RunState.LOST)),
        or_(_RUNS.c.state != RunState.LOST, _ATTEMPTS.c.may_run_until > bindparam("now")),
    )
    .order_by(_RUNS.c.due_at, _RUNS.c.number)
)
_HELD = (
    select(
        *(_RUNS.c[name] for name in ("id", "job_id", "number", "due_at", "cause", "attempt")),
        *(_JOBS.c[name] for name in ("pool", "min_sandbox", "overlap", "policy")),
    )
    .join(_JOBS, _JOBS.c.id == _RUNS.c.job_id)
    .where(
        _RUNS.c.job_id.in_(bindparam("jobs", expanding=True)),
        _RUNS.c.state == RunState.HELD,
        _RUNS.c.due_at <= bindparam("due_by"),
    )
    .order_by(_RUNS.c.due_at, _RUNS.c.number)
)
_RUN_FACTS = select(
    *(_RUNS.c[field.name] for field in fields(RunFacts) if field.name != "next_due_at"),
    select(func.min(_CURSORS.c.shown_at))
    .where(_CURSORS.c.job_id == _RUNS.c.job_id)
    .scalar_subquery()
    .label("next_due_at"),
).where(_RUNS.c.id.in_(bindparam("ids", expanding=True)))
