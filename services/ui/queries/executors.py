"""The executors with what each has in hand; those that left in good order are remembered for a day."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, case, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.models import ExecutorItem, RunningRun
from services.ui.queries.utilisation import Utilisation, utilisation
from shared.db.engine import Database
from shared.db.holds import open_holds
from shared.db.tables import AttemptRow, ExecutorRow, JobRow, RunRow
from shared.db.types import storable
from shared.domain.errors import NotFound
from shared.domain.run import RunState
from shared.messages.topology import due_queues
from shared.runtime.clock import Clock

_MAX_SHOWN = 500
_DAY = timedelta(hours=24)
HAS_LEFT = and_(ExecutorRow.online.is_(False), ExecutorRow.draining.is_(True))
"""Drained and said goodbye: nothing is wrong with it. Who fell silent is offline and not draining."""
_COPIED = (
    "name",
    "host",
    "pid",
    "version",
    "sandbox",
    "sandbox_features",
    "slots",
    "online",
    "draining",
    "started_at",
    "last_seen_at",
)


class ExecutorDetail(ExecutorItem, frozen=True, kw_only=True):
    """One executor, with what only its own page tells."""

    queues: tuple[str, ...]
    """Of RabbitMQ: those it takes from, by pool, the weakest level first."""
    newest_version: str
    """Of the executors that are online, and of this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executors:
    """Answers what there is to know of one executor, however long ago it left, and how busy they were."""

    database: Database
    clock: Clock

    async def named(self, name: str) -> ExecutorDetail:
        """Return it.

        Raises:
            NotFound: none of this name was ever heard.
        """
        async with self.database.reading() as session:
            row = await session.get(ExecutorRow, storable(name))
            if row is None:
                raise NotFound("There is no executor of this name. The page Executors lists those there are.")
            (item,) = await _items(session, [row], now=self.clock.now())
            online = select(ExecutorRow.version).where(ExecutorRow.online).distinct()
            versions = [item.version, *await session.scalars(online)]
        queues = (queue.name for pool in item.pools for queue in due_queues(pool, item.sandbox))
        values = {name: getattr(item, name) for name in ExecutorItem.__struct_fields__}
        return ExecutorDetail(**values, queues=tuple(queues), newest_version=newest(versions))

    async def utilisation(self, name: str | None = None) -> Utilisation:
        """Return how busy every executor, or one, was over the last day."""
        async with self.database.reading() as session:
            return await utilisation(session, name, now=self.clock.now())


def newest(versions: Iterable[str]) -> str:
    """Return the highest of versions: numbers count as numbers, so 0.10.0 is newer than 0.9.0."""
    return max(
        versions,
        key=lambda version: [
            (0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"[.+-]", version)
        ],
    )


async def all_executors(session: AsyncSession, *, now: datetime) -> tuple[ExecutorItem, ...]:
    """Return at most 500 executors by name: the online ones, the offline ones, who left in the last day."""
    rows = list(
        await session.scalars(
            select(ExecutorRow)
            .where(or_(not_(HAS_LEFT), ExecutorRow.last_seen_at >= now - _DAY))
            .order_by(ExecutorRow.online.desc(), case((HAS_LEFT, 1), else_=0), ExecutorRow.name)
            .limit(_MAX_SHOWN)
        )
    )
    return await _items(session, rows, now=now)


async def _items(
    session: AsyncSession, rows: Sequence[ExecutorRow], *, now: datetime
) -> tuple[ExecutorItem, ...]:
    running = await _running(session, rows)
    counts = await _counts(session, [row.name for row in rows], since=now - _DAY)
    drained = (await open_holds(session)).drained(now)
    return tuple(
        ExecutorItem(
            **{name: getattr(row, name) for name in _COPIED},
            pools=tuple(row.pools),
            problems=tuple(row.problems),
            busy=len(running.get(row.name, ())),
            runs_24h=counts.get(row.name, 0),
            running=tuple(running.get(row.name, ())),
            drained_at=drained[row.name].begun_at if row.name in drained else None,
            drained_by=drained[row.name].begun_by if row.name in drained else None,
        )
        for row in rows
    )


async def _running(session: AsyncSession, of: Sequence[ExecutorRow]) -> dict[str, list[RunningRun]]:
    rows = await session.execute(
        select(RunRow.id, RunRow.number, JobRow.name, AttemptRow.executor)
        .join(AttemptRow, AttemptRow.run_id == RunRow.id)
        .join(JobRow, JobRow.id == RunRow.job_id)
        .where(AttemptRow.state == RunState.RUNNING, AttemptRow.executor.in_([row.name for row in of]))
        .order_by(AttemptRow.claimed_at)
        .limit(_MAX_SHOWN)
    )
    found: dict[str, list[RunningRun]] = {}
    for row in rows:
        shown = RunningRun(run_id=row.id, number=row.number, job_name=row.name)
        found.setdefault(row.executor, []).append(shown)
    return found


async def _counts(session: AsyncSession, names: Sequence[str], *, since: datetime) -> dict[str, int]:
    """Return how many runs each of these had; asked for one at a time, each is a range of its index."""
    lately = (
        select(func.count())
        .where(RunRow.executor == ExecutorRow.name, RunRow.due_at >= since)
        .scalar_subquery()
    )
    rows = await session.execute(select(ExecutorRow.name, lately).where(ExecutorRow.name.in_(names)))
    return {row[0]: row[1] for row in rows}
