"""The shared limits: their maxima, who holds places, how many wait; and where one run stands in line."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.models import RunningRun
from services.ui.queries.standing import goes_before
from shared.db.limits import holds_place, limits
from shared.db.tables import AttemptRow, JobRow, RunRow
from shared.db.types import UtcDateTime
from shared.domain.limits import USUAL_MAXIMUM
from shared.domain.run import RunState
from shared.domain.why import LimitFacts

_MAX_HOLDERS = 5_000
"""Of all keys together so many are looked at; they are counted all the same."""


class LimitItem(msgspec.Struct, frozen=True, kw_only=True):
    """A key that a job names, that somebody set a maximum for, or under which something runs."""

    key: str
    maximum: int
    in_use: int
    """More than the maximum where that was lowered, or a lost run came back."""
    waiting: int
    oldest_waiting_at: datetime | None
    """When the first of them was due."""
    jobs: int
    holders: tuple[RunningRun, ...]
    """Who holds the places, oldest first."""
    set_by: str | None
    set_at: datetime | None
    """None: nobody set the maximum, which is 1 then."""


async def all_limits(session: AsyncSession, *, now: datetime) -> tuple[LimitItem, ...]:
    """Return the shared limits by key."""
    known = {one.key: one for one in await limits(session)}
    jobs = await _jobs(session)
    used = await _in_use(session, now=now)
    waiting = await _waiting(session)
    holders = await _holders(session, now=now)
    return tuple(
        LimitItem(
            key=key,
            maximum=known[key].maximum if key in known else USUAL_MAXIMUM,
            in_use=used.get(key, 0),
            waiting=waiting[key][0] if key in waiting else 0,
            oldest_waiting_at=waiting[key][1] if key in waiting else None,
            jobs=jobs.get(key, 0),
            holders=tuple(holders.get(key, ())),
            set_by=known[key].set_by if key in known else None,
            set_at=known[key].set_at if key in known else None,
        )
        for key in sorted({*known, *jobs, *used, *waiting})
    )


async def limit_of(session: AsyncSession, run_id: UUID, *, now: datetime) -> LimitFacts | None:
    """Return how the limit stands that the run was refused for; None: it waits for no place of one."""
    found = (
        await session.execute(
            select(AttemptRow.id, AttemptRow.limit_key, AttemptRow.urgent, AttemptRow.due_at)
            .where(AttemptRow.run_id == run_id, AttemptRow.state == RunState.QUEUED)
            .order_by(AttemptRow.number.desc())
            .limit(1)
        )
    ).one_or_none()
    if found is None or found.limit_key is None:
        return None
    key = found.limit_key
    by_id = AttemptRow.id < found.id
    before = await session.scalar(
        select(func.count())
        .select_from(AttemptRow)
        .join(RunRow, RunRow.id == AttemptRow.run_id)
        .where(
            AttemptRow.limit_key == key,
            AttemptRow.state == RunState.QUEUED,
            RunRow.state != RunState.HELD,
            goes_before(found.due_at, urgent=found.urgent, in_a_tie=by_id),
        )
    )
    maximum = next((one.maximum for one in await limits(session) if one.key == key), USUAL_MAXIMUM)
    holders = (await _holders(session, now=now, key=key)).get(key, [])
    return LimitFacts(
        key=key,
        maximum=maximum,
        holders=tuple(f"#{one.number} of {one.job_name}" for one in holders),
        position=(before or 0) + 1,
    )


async def _jobs(session: AsyncSession) -> dict[str, int]:
    rows = await session.execute(
        select(JobRow.limit_key, func.count())
        .where(JobRow.limit_key.is_not(None), JobRow.deleted_at.is_(None))
        .group_by(JobRow.limit_key)
    )
    return {row[0]: row[1] for row in rows if row[0] is not None}


def _has_place(now: datetime) -> Iterable[ColumnElement[bool]]:
    return (
        AttemptRow.limit_key.is_not(None),
        AttemptRow.state.in_((RunState.RUNNING, RunState.LOST)),
        holds_place(literal(now, UtcDateTime())),
    )


async def _in_use(session: AsyncSession, *, now: datetime) -> dict[str, int]:
    rows = await session.execute(
        select(AttemptRow.limit_key, func.count()).where(*_has_place(now)).group_by(AttemptRow.limit_key)
    )
    return {row[0]: row[1] for row in rows if row[0] is not None}


async def _waiting(session: AsyncSession) -> dict[str, tuple[int, datetime]]:
    rows = await session.execute(
        select(AttemptRow.limit_key, func.count(), func.min(AttemptRow.due_at))
        .join(RunRow, RunRow.id == AttemptRow.run_id)
        .where(
            AttemptRow.limit_key.is_not(None),
            AttemptRow.state == RunState.QUEUED,
            RunRow.state != RunState.HELD,
        )
        .group_by(AttemptRow.limit_key)
    )
    return {row[0]: (row[1], row[2]) for row in rows if row[0] is not None}


async def _holders(
    session: AsyncSession, *, now: datetime, key: str | None = None
) -> dict[str, list[RunningRun]]:
    query = (
        select(AttemptRow.limit_key, RunRow.id, RunRow.number, JobRow.name)
        .join(RunRow, RunRow.id == AttemptRow.run_id)
        .join(JobRow, JobRow.id == AttemptRow.job_id)
        .where(*_has_place(now))
        .order_by(AttemptRow.claimed_at)
        .limit(_MAX_HOLDERS)
    )
    if key is not None:
        query = query.where(AttemptRow.limit_key == key)
    found: dict[str, list[RunningRun]] = defaultdict(list)
    for row in await session.execute(query):
        found[row.limit_key].append(RunningRun(run_id=row.id, number=row.number, job_name=row.name))
    return found
