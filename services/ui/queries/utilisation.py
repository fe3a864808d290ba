"""How busy the executors were: slots taken over the last day, reckoned from the attempts in the ledger.

An attempt takes a slot from its claim to its end. What ended is grouped by the database, by the steps in
which it began and ended; what goes on is read one by one. So the answer does not grow with what ran.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Integer, case, cast, extract, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.tables import AttemptRow
from shared.domain.run import RunState

STEPS = 96
STEP = timedelta(minutes=15)
STEP_MS = 900_000
MOST_COUNTED = 50_000
"""So many attempts that ended are counted, the newest: before them nothing is told."""
_MOST_RUNNING = 10_000
_JULIAN_1970 = 2_440_587.5


class ExecutorUse(msgspec.Struct, frozen=True, kw_only=True):
    """One executor: how many of its slots were taken in each step, on average; None: not counted."""

    name: str
    busy: tuple[float | None, ...]


class Utilisation(msgspec.Struct, frozen=True, kw_only=True):
    """The last day in steps of a quarter of an hour, the last of which goes on."""

    starts_at: datetime
    ends_at: datetime
    step_ms: int
    counted_since: datetime | None
    """None: all of it is counted."""
    items: tuple[ExecutorUse, ...]
    """By name; an executor that had nothing to do is not among them."""


@dataclass(frozen=True, slots=True)
class Spans:
    """So many attempts that began in one step and ended in one; instants are milliseconds of the window."""

    first: int
    last: int
    count: int
    starts_ms: int
    """The sum of their beginnings."""
    ends_ms: int
    """The sum of their ends."""


async def utilisation(session: AsyncSession, executor: str | None, *, now: datetime) -> Utilisation:
    """Return the last day of every executor, or of one."""
    starts_at = _floor(now) - (STEPS - 1) * STEP
    counted_from = await _counted_from(session, starts_at, now)
    spans = await _ended(session, executor, starts_at, counted_from, now)
    for name, begun in await _running(session, executor):
        spans[name].append(_going(begun, starts_at, now))
    skipped = -((starts_at - counted_from) // STEP)
    return Utilisation(
        starts_at=starts_at,
        ends_at=now,
        step_ms=STEP_MS,
        counted_since=starts_at + skipped * STEP if skipped else None,
        items=tuple(
            ExecutorUse(name=name, busy=_shown(busy_ms(spans[name]), skipped, now - _floor(now)))
            for name in sorted(spans)
        ),
    )


def busy_ms(spans: Iterable[Spans]) -> list[int]:
    """Return for how long slots were taken in each step, summed over the slots."""
    found = [0] * STEPS
    for one in spans:
        found[one.first] -= one.starts_ms - one.count * one.first * STEP_MS
        found[one.last] += one.ends_ms - one.count * one.last * STEP_MS
        for step in range(one.first, one.last):
            found[step] += one.count * STEP_MS
    return found


def _shown(busy: list[int], skipped: int, lately: timedelta) -> tuple[float | None, ...]:
    last_ms = lately // timedelta(milliseconds=1)
    lengths = [STEP_MS] * (STEPS - 1) + [last_ms]
    shares = [round(ms / length, 3) if length else 0.0 for ms, length in zip(busy, lengths, strict=True)]
    return (*(None for _ in range(skipped)), *shares[skipped:])


def _floor(now: datetime) -> datetime:
    """Return the quarter of an hour that goes on: as the bars stand still, so does what they count."""
    return now - (now - datetime(2000, 1, 1, tzinfo=UTC)) % STEP


async def _counted_from(session: AsyncSession, starts_at: datetime, now: datetime) -> datetime:
    """Return the beginning of the window, or, where too much ended in it, of what is counted."""
    oldest = await session.scalar(
        select(AttemptRow.finished_at)
        .where(AttemptRow.finished_at > starts_at, _is_over(now))
        .order_by(AttemptRow.finished_at.desc())
        .offset(MOST_COUNTED)
        .limit(1)
    )
    return starts_at if oldest is None else oldest


async def _ended(
    session: AsyncSession, executor: str | None, starts_at: datetime, counted_from: datetime, now: datetime
) -> dict[str, list[Spans]]:
    # Two clocks tell of one attempt: its claim is the scheduler's, its end the executor's.
    claimed = func.coalesce(AttemptRow.claimed_at, AttemptRow.finished_at)
    begun, over = (_ms_since(session, at, starts_at) for at in (claimed, AttemptRow.finished_at))
    query = (
        select(AttemptRow.executor, begun.label("begun"), over.label("over"))
        .where(AttemptRow.finished_at > counted_from, _is_over(now), AttemptRow.executor.is_not(None))
        # More than there are. With a limit it stays a query of its own, and reckons each instant once.
        .limit(4 * MOST_COUNTED)
    )
    if executor is not None:
        query = query.where(AttemptRow.executor == executor)
    one = query.subquery().c
    until_ms = (now - starts_at) // timedelta(milliseconds=1)
    end = _clamped(one.over, until_ms)
    start = case((one.begun > one.over, end), else_=_clamped(one.begun, until_ms))
    steps = (one.executor, start // STEP_MS, end // STEP_MS)
    sums = (func.count(), func.sum(start), func.sum(end))
    found: dict[str, list[Spans]] = defaultdict(list)
    for name, first, last, count, starts_ms, ends_ms in await session.execute(
        select(*steps, *sums).group_by(*steps)
    ):
        found[name].append(Spans(int(first), int(last), count, int(starts_ms), int(ends_ms)))
    return found


def _is_over(now: datetime) -> ColumnElement[bool]:
    # What ended by a clock that was days ahead would take its slot for days.
    return AttemptRow.finished_at < now + STEP


async def _running(session: AsyncSession, executor: str | None) -> list[tuple[str, datetime]]:
    query = select(AttemptRow.executor, AttemptRow.claimed_at).where(
        AttemptRow.state == RunState.RUNNING,
        AttemptRow.executor.is_not(None) if executor is None else AttemptRow.executor == executor,
    )
    rows = await session.execute(query.limit(_MOST_RUNNING))
    return [(name, begun) for name, begun in rows if name is not None and begun is not None]


def _going(begun: datetime, starts_at: datetime, now: datetime) -> Spans:
    end_ms = (now - starts_at) // timedelta(milliseconds=1)
    start_ms = min(max(0, (begun - starts_at) // timedelta(milliseconds=1)), end_ms)
    return Spans(start_ms // STEP_MS, end_ms // STEP_MS, 1, start_ms, end_ms)


def _ms_since(session: AsyncSession, at: Any, since: datetime) -> ColumnElement[int]:
    """Return the milliseconds from then to an instant of a row."""
    since_s = (since - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1)
    if session.get_bind().dialect.name == "postgresql":
        return cast(func.round((extract("epoch", at) - since_s) * 1_000), BigInteger)
    # Of SQLite's ways to read an instant the quickest; at these sizes it is exact to a twentieth of a ms.
    return cast(func.round((func.julianday(at) - (_JULIAN_1970 + since_s / 86_400)) * 86_400_000), Integer)


def _clamped(ms: ColumnElement[int], most: int) -> ColumnElement[int]:
    return case((ms < 0, 0), (ms > most, most), else_=ms)
