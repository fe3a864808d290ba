"""What stands between a run and its start: the run before it, the executors of its pool, their slots."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.tables import AttemptRow, ExecutorRow, RunRow
from shared.domain.ids import JobId
from shared.domain.run import RunState
from shared.domain.sandbox import is_enough
from shared.domain.why import PoolFacts, RunFacts, RunRef

_AMONG = 1_000
"""The run in the way is looked for among so many runs before it."""
_MAX_EXECUTORS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """The run in the way, with its id for a link."""

    id: UUID
    run: RunRef


async def blocker_of(session: AsyncSession, job_id: JobId, run: RunFacts) -> Blocker | None:
    """Return the first run of the job that had not ended when this one was due."""
    found = (
        await session.execute(
            select(RunRow.id, RunRow.number, RunRow.due_at, RunRow.state)
            .where(
                RunRow.job_id == job_id,
                RunRow.number > run.number - _AMONG,
                RunRow.number != run.number,
                or_(
                    RunRow.due_at < run.due_at,
                    and_(RunRow.due_at == run.due_at, RunRow.number < run.number),
                ),
                RunRow.state.not_in((RunState.SKIPPED, RunState.MISSED)),
                or_(RunRow.finished_at.is_(None), RunRow.finished_at > run.due_at),
            )
            .order_by(RunRow.due_at, RunRow.number)
            .limit(1)
        )
    ).one_or_none()
    if found is None:
        return None
    return Blocker(id=found.id, run=RunRef(number=found.number, due_at=found.due_at, state=found.state))


async def pool_of(session: AsyncSession, run: RunFacts, *, now: datetime) -> PoolFacts:
    """Return who serves the run's pool at the level that its job asks for, and how many runs go before it."""
    rows = await session.scalars(
        select(ExecutorRow).order_by(ExecutorRow.online.desc(), ExecutorRow.name).limit(_MAX_EXECUTORS)
    )
    serving = [row for row in rows if run.pool in row.pools]
    here = [row for row in serving if row.online]
    online = [row for row in here if is_enough(row.sandbox, run.min_sandbox)]
    ailing = [row for row in online if row.problems and not row.draining]
    taking = [row for row in online if not row.problems and not row.draining]
    return PoolFacts(
        known=len(serving),
        exposed=len(here) - len(online),
        online=len(online),
        draining=sum(row.draining for row in online),
        ailing=len(ailing),
        problem=ailing[0].problems[0] if ailing else "",
        last_seen_at=_newest(row.last_seen_at for row in serving),
        slots=sum(row.slots for row in taking),
        busy=sum(row.busy for row in taking),
        position=await _position(session, run, now=now),
    )


def goes_before(due_at: datetime, *, urgent: bool, in_a_tie: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition of attempts that go before one: the urgent, then the earlier, then `in_a_tie`."""
    earlier = or_(AttemptRow.due_at < due_at, and_(AttemptRow.due_at == due_at, in_a_tie))
    of_its_kind = and_(AttemptRow.urgent.is_(urgent), earlier)
    return of_its_kind if urgent else or_(AttemptRow.urgent.is_(True), of_its_kind)


async def _position(session: AsyncSession, run: RunFacts, *, now: datetime) -> int:
    """Return the place among what is due and waits for the pool."""
    by_number = RunRow.number < run.number
    before = await session.scalar(
        select(func.count())
        .select_from(AttemptRow)
        .join(RunRow, RunRow.id == AttemptRow.run_id)
        .where(
            AttemptRow.state == RunState.QUEUED,
            AttemptRow.due_at <= now,
            AttemptRow.pool == run.pool,
            goes_before(run.startable_at, urgent=run.urgent, in_a_tie=by_number),
        )
    )
    return (before or 0) + 1


def _newest(instants: Iterable[datetime]) -> datetime | None:
    return max(instants, default=None)
