"""How a job has been doing: its days, how long its runs took, how late they started."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.queries.jobs import check_job
from shared.db.engine import Database
from shared.db.tables import AttemptRow, RunRow
from shared.domain.ids import JobId
from shared.domain.run import Cause, RunState
from shared.runtime.clock import Clock

WEEKS = 26
MOST_COUNTED = 20_000
"""So many of the newest runs are counted: more would take longer than a page may."""
MOST_SHOWN = 200
"""So many of the newest ended runs have a bar of their own."""
DELAYS_MS = (100, 300, 1_000, 3_000, 10_000)
"""Up to where each class of start delays goes; one more holds what is later."""
_FAILED = frozenset({RunState.FAILED, RunState.TIMED_OUT, RunState.LOST})
_NOT_RUN = frozenset({RunState.SKIPPED, RunState.MISSED, RunState.CANCELLED})


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """What fell due on a day of the zone; a missed range counts with all of its instants."""

    on: date
    starts_at: datetime
    ends_at: datetime
    succeeded: int
    failed: int
    """Failed, timed out or lost."""
    not_run: int
    """Skipped, missed or cancelled."""


class Took(msgspec.Struct, frozen=True, kw_only=True):
    """An ended run that was started."""

    run_id: UUID
    number: int
    due_at: datetime
    state: RunState
    duration_ms: int
    changed: bool
    """Whether its script was another one than that of the run before it."""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the started runs of the last days succeeded."""

    days: int
    succeeded: int
    started: int


class Insights(msgspec.Struct, frozen=True, kw_only=True):
    """How a job has been doing."""

    zone: str
    days: tuple[Day, ...]
    """Every day of the last 26 weeks, oldest first, from a Monday on; today is the last."""
    counted: int
    """Runs in all; 20 000 means that older ones are not in `days`."""
    counted_since: datetime | None
    """The oldest of them was due then; None: there are none."""
    rates: tuple[Rate, ...]
    took: tuple[Took, ...]
    """The newest 200, oldest first."""
    p50_ms: int | None
    """Of the succeeded ones among them; None: there are none."""
    p95_ms: int | None
    delays: tuple[int, ...]
    """How many of the newest scheduled runs started within 0.1, 0.3, 1, 3, 10 s, or later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInsights:
    """Answers how a job has been doing."""

    database: Database
    clock: Clock

    async def of_job(self, job_id: JobId, zone: str) -> Insights:
        """Return it with the days of this zone, an IANA name that is known.

        Raises:
            NotFound: no such job.
        """
        today = self.clock.now().astimezone(ZoneInfo(zone)).date()
        async with self.database.reading() as session:
            await check_job(session, job_id)
            rows = await _rows(session, job_id)
            hashes = await _hashes(session, [row for row in rows if row.duration_ms is not None][:MOST_SHOWN])
        return _insights(rows, hashes, zone=zone, today=today)


async def _rows(session: AsyncSession, job_id: JobId) -> Sequence[Any]:
    """Return the newest runs, newest first."""
    columns = (
        RunRow.id,
        RunRow.number,
        RunRow.state,
        RunRow.cause,
        RunRow.due_at,
        RunRow.started_at,
        RunRow.duration_ms,
        RunRow.instants,
        RunRow.attempt,
    )
    query = select(*columns).where(RunRow.job_id == job_id).order_by(RunRow.number.desc())
    return (await session.execute(query.limit(MOST_COUNTED))).all()


async def _hashes(session: AsyncSession, rows: Sequence[Any]) -> dict[UUID, str]:
    """Return what script each of the runs had, of those of which it is known."""
    found = await session.execute(
        select(AttemptRow.run_id, AttemptRow.script_sha256)
        .join(RunRow, and_(RunRow.id == AttemptRow.run_id, RunRow.attempt == AttemptRow.number))
        .where(AttemptRow.run_id.in_([row.id for row in rows]), AttemptRow.script_sha256.is_not(None))
    )
    return {row.run_id: row.script_sha256 for row in found}


def _insights(rows: Sequence[Any], hashes: dict[UUID, str], *, zone: str, today: date) -> Insights:
    shown = [row for row in rows if row.duration_ms is not None][:MOST_SHOWN][::-1]
    good = sorted(row.duration_ms for row in shown if row.state is RunState.SUCCEEDED)
    days = _days(rows, zone=zone, today=today)
    return Insights(
        zone=zone,
        days=days,
        counted=len(rows),
        counted_since=rows[-1].due_at if rows else None,
        rates=tuple(_rate(days, last) for last in (7, 30, 90)),
        took=tuple(_took(shown, hashes)),
        p50_ms=_percentile(good, 0.5),
        p95_ms=_percentile(good, 0.95),
        delays=_delays(rows),
    )


def _days(rows: Iterable[Any], *, zone: str, today: date) -> tuple[Day, ...]:
    tz = ZoneInfo(zone)
    monday = today - timedelta(days=today.weekday(), weeks=WEEKS - 1)
    dates = [monday + timedelta(days=n) for n in range((today - monday).days + 1)]
    counts: dict[date, Counter[str]] = {on: Counter() for on in dates}
    for row in rows:
        counter = counts.get(row.due_at.astimezone(tz).date())
        if counter is not None:
            counter[_kind(row.state)] += row.instants
    midnights = [datetime(on.year, on.month, on.day, tzinfo=tz) for on in [*dates, today + timedelta(days=1)]]
    return tuple(
        Day(
            on=on,
            starts_at=starts_at,
            ends_at=ends_at,
            succeeded=counts[on]["succeeded"],
            failed=counts[on]["failed"],
            not_run=counts[on]["not_run"],
        )
        for on, (starts_at, ends_at) in zip(dates, pairwise(midnights), strict=True)
    )


def _kind(state: RunState) -> str:
    if state is RunState.SUCCEEDED:
        return "succeeded"
    if state in _FAILED:
        return "failed"
    return "not_run" if state in _NOT_RUN else "going"


def _rate(days: Sequence[Day], last: int) -> Rate:
    succeeded = sum(day.succeeded for day in days[-last:])
    return Rate(days=last, succeeded=succeeded, started=succeeded + sum(day.failed for day in days[-last:]))


def _took(shown: Sequence[Any], hashes: dict[UUID, str]) -> Iterable[Took]:
    before: str | None = None
    for row in shown:
        sha256 = hashes.get(row.id)
        yield Took(
            run_id=row.id,
            number=row.number,
            due_at=row.due_at,
            state=row.state,
            duration_ms=row.duration_ms,
            changed=None not in (before, sha256) and before != sha256,
        )
        before = sha256 or before


def _percentile(ordered: Sequence[int], share: float) -> int | None:
    """Return the smallest value that this share of them does not exceed (nearest rank)."""
    return ordered[ceil(share * len(ordered)) - 1] if ordered else None


def _delays(rows: Iterable[Any]) -> tuple[int, ...]:
    """Count those of the newest scheduled runs that were started at their first attempt."""
    found = [0] * (len(DELAYS_MS) + 1)
    counted = 0
    for row in rows:
        if row.cause is not Cause.SCHEDULE or row.started_at is None or row.attempt != 1:
            continue
        delay_ms = (row.started_at - row.due_at) / timedelta(milliseconds=1)
        found[next((at for at, most in enumerate(DELAYS_MS) if delay_ms <= most), len(DELAYS_MS))] += 1
        counted += 1
        if counted == MOST_SHOWN * 5:
            break
    return tuple(found)
