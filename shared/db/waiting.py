"""Attempts that wait to be claimed, as the scheduler publishes them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import table_of
from shared.db.tables import AttemptRow, JobRow, RunRow
from shared.domain.ids import AttemptId, JobId, RunId
from shared.domain.run import Cause, RunState
from shared.domain.sandbox import MinSandbox

_ATTEMPTS = table_of(AttemptRow)
_JOBS = table_of(JobRow)
_RUNS = table_of(RunRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An attempt to be published, or published again."""

    id: AttemptId
    run_id: RunId
    job_id: JobId
    token: int
    number: int
    pool: str
    urgent: bool
    due_at: datetime
    cause: Cause
    min_sandbox: MinSandbox
    """What its job asks for by now: it decides in which queue its message is to lie."""
    publish_count: int = 0
    published_at: datetime | None = None


async def unpublished(
    session: AsyncSession, *, due_by: datetime, limit: int, but_of: Collection[str] = ()
) -> list[Waiting]:
    """Return queued attempts due by then and not confirmed, oldest first; none of the pools `but_of`.

    Nor any that `shared.db.limits` has not let in by then: these wait for a place of a shared limit.
    """
    is_let_in = _ATTEMPTS.c.limit_key.is_(None) | (_ATTEMPTS.c.let_in_at <= due_by)
    overlooked = (_ATTEMPTS.c.due_at <= due_by) & _ATTEMPTS.c.published_at.is_(None) & is_let_in
    return await _waiting(session, overlooked & _ATTEMPTS.c.pool.not_in(but_of), limit=limit)


async def unclaimed(
    session: AsyncSession, *, published_before: datetime, limit: int, but_of: Collection[str] = ()
) -> list[Waiting]:
    """Return those published before then and still queued, longest ago first; `but_of` as above."""
    lying = (_ATTEMPTS.c.published_at < published_before) & _ATTEMPTS.c.pool.not_in(but_of)
    return await _waiting(session, lying, limit=limit, order=(_ATTEMPTS.c.published_at, _ATTEMPTS.c.due_at))


WAITING = (
    select(
        *(
            _ATTEMPTS.c[name]
            for name in (
                *("id", "run_id", "job_id", "token", "number", "pool", "urgent", "due_at", "publish_count"),
                "published_at",
            )
        ),
        _RUNS.c.cause,
        _JOBS.c.min_sandbox,
    )
    .select_from(_ATTEMPTS)
    .join(_RUNS, _RUNS.c.id == _ATTEMPTS.c.run_id)
    .join(_JOBS, _JOBS.c.id == _ATTEMPTS.c.job_id)
    # What is held again was refused at its claim: it is published anew when it may go.
    .where(_ATTEMPTS.c.state == RunState.QUEUED, _RUNS.c.state != RunState.HELD)
)
"""The columns of `Waiting`, of all that is queued."""


async def _waiting(
    session: AsyncSession,
    condition: ColumnElement[bool],
    *,
    limit: int,
    order: Sequence[ColumnElement[Any]] = (_ATTEMPTS.c.due_at,),
) -> list[Waiting]:
    statement = WAITING.where(condition).order_by(*order).limit(limit)
    return [Waiting(**values) for values in (await session.execute(statement)).mappings()]
