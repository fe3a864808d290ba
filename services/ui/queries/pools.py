"""The pools: who serves each, what waits for it, and whether somebody paused it."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.models import Unserved
from shared.db.executors import ExecutorView, executors
from shared.db.holds import open_holds
from shared.db.tables import AttemptRow, JobRow
from shared.domain.run import RunState
from shared.domain.sandbox import MinSandbox, is_enough, offered

_MOST_COUNTED = 5_000
"""Of what waits so much is looked at, oldest first: what nobody serves is soon among the oldest."""
_MOST_LATELY = 10_000
"""So much that came or ended lately is counted by pool."""
LATELY = timedelta(minutes=15)

_ORDER = list(MinSandbox)


class PoolItem(msgspec.Struct, frozen=True, kw_only=True):
    """A pool that an executor serves, a job names or somebody paused."""

    name: str
    jobs: int
    executors_online: int
    slots: int
    """Of the executors that are online and take runs."""
    busy: int
    """Of these slots."""
    waiting: int
    """Due and not started, at most 5 000."""
    oldest_waiting_at: datetime | None
    came_15m: int | None
    """Attempts that fell due in the last 15 minutes; None: of all pools more than 10 000."""
    ended_15m: int | None
    """Attempts that ended in that time; None as above."""
    paused_at: datetime | None
    paused_by: str | None


async def all_pools(session: AsyncSession, *, now: datetime) -> tuple[PoolItem, ...]:
    """Return the pools by name."""
    rows = await session.execute(
        select(JobRow.pool, func.count()).where(JobRow.deleted_at.is_(None)).group_by(JobRow.pool)
    )
    jobs = {row[0]: row[1] for row in rows}
    online = [one for one in await executors(session) if one.online]
    waiting = await _waiting(session, now=now)
    came, ended = (await _lately(session, now=now)).values()
    paused = (await open_holds(session)).paused_pools(now)
    names = {*jobs, *(pool for one in online for pool in one.pools), *waiting, *paused}
    return tuple(
        PoolItem(
            name=name,
            jobs=jobs.get(name, 0),
            executors_online=len(serving := _serving(online, name)),
            slots=sum(one.slots for one in serving if one.takes_runs),
            busy=sum(one.busy for one in serving if one.takes_runs),
            waiting=sum(one.count for one in waiting.get(name, ())),
            oldest_waiting_at=min((one.since for one in waiting.get(name, ())), default=None),
            came_15m=None if came is None else came.get(name, 0),
            ended_15m=None if ended is None else ended.get(name, 0),
            paused_at=paused[name].begun_at if name in paused else None,
            paused_by=paused[name].begun_by if name in paused else None,
        )
        for name in sorted(names)
    )


async def unserved_pools(session: AsyncSession, *, now: datetime) -> tuple[Unserved, ...]:
    """Return the pools for which runs wait that no online executor serves, or none as they ask for."""
    offers = await offers_of_pools(session)
    found: Counter[tuple[str, MinSandbox]] = Counter()
    for pool, waiting in (await _waiting(session, now=now)).items():
        best = offers.get(pool)
        for one in waiting:
            if best is None:
                found[pool, MinSandbox.ANY] += one.count
            elif not is_enough(best, one.min_sandbox):
                found[pool, one.min_sandbox] += one.count
    return tuple(
        Unserved(pool=pool, waiting=count, min_sandbox=minimum)
        for (pool, minimum), count in sorted(found.items())
    )


async def offers_of_pools(session: AsyncSession) -> dict[str, MinSandbox]:
    """Return the most that an executor offers that is online and not ailing, by pool."""
    found: dict[str, MinSandbox] = {}
    for one in await executors(session):
        for pool in one.pools if one.online and not one.is_ailing else ():
            found[pool] = max(found.get(pool, MinSandbox.ANY), offered(one.sandbox)[-1], key=_ORDER.index)
    return found


def _serving(online: Iterable[ExecutorView], pool: str) -> list[ExecutorView]:
    return [one for one in online if pool in one.pools]


async def _lately(session: AsyncSession, *, now: datetime) -> dict[str, dict[str, int] | None]:
    """Return how many attempts `came` and `ended` lately by pool; None where they are too many."""
    since = now - LATELY
    windows = {
        # Every state is named: each is a range of the index that begins with it.
        "came": (AttemptRow.state.in_(tuple(RunState)), AttemptRow.due_at > since, AttemptRow.due_at <= now),
        "ended": (AttemptRow.finished_at > since, AttemptRow.finished_at <= now),
    }
    each = [
        select(literal(name).label("name"), AttemptRow.pool).where(*window).limit(_MOST_LATELY + 1).subquery()
        for name, window in windows.items()
    ]
    rows = union_all(*(select(one.c.name, one.c.pool) for one in each)).subquery().c
    counted = select(rows.name, rows.pool, func.count()).group_by(rows.name, rows.pool)
    found: dict[str, dict[str, int]] = {name: {} for name in windows}
    for name, pool, count in await session.execute(counted):
        found[name][pool] = count
    return {name: None if sum(of.values()) > _MOST_LATELY else of for name, of in found.items()}


@dataclass(frozen=True, slots=True)
class _Waiting:
    """How many attempts wait that ask for a level."""

    min_sandbox: MinSandbox
    count: int
    since: datetime


async def _waiting(session: AsyncSession, *, now: datetime) -> dict[str, list[_Waiting]]:
    """Return what waits, by pool and level."""
    oldest = (
        select(AttemptRow.pool, AttemptRow.due_at, JobRow.min_sandbox)
        .join(JobRow, JobRow.id == AttemptRow.job_id)
        .where(AttemptRow.state == RunState.QUEUED, AttemptRow.due_at <= now)
        .order_by(AttemptRow.due_at)
        .limit(_MOST_COUNTED)
        .subquery()
    ).c
    kinds = (oldest.pool, oldest.min_sandbox)
    rows = await session.execute(select(*kinds, func.count(), func.min(oldest.due_at)).group_by(*kinds))
    found: dict[str, list[_Waiting]] = defaultdict(list)
    for pool, minimum, count, since in rows:
        found[pool].append(_Waiting(minimum, count, since))
    return found
