"""Starts: how often jobs had one lately, what their brakes go by, and how late one may still come."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import table_of
from shared.db.tables import AttemptRow, RunRow
from shared.domain.brake import BY_ITSELF
from shared.domain.ids import AttemptId, JobId
from shared.domain.run import RunState

_ATTEMPTS = table_of(AttemptRow)
_RUNS = table_of(RunRow)


async def starts_since(
    session: AsyncSession, job_ids: Collection[JobId], since: datetime
) -> dict[JobId, int]:
    """Return how many attempts of these jobs started by themselves after `since`, as far as any did."""
    if not job_ids:
        return {}
    rows = await session.execute(_STARTS, {"jobs": list(job_ids), "since": since})
    return {JobId(job_id): count for job_id, count in rows}


async def extend_attempt(session: AsyncSession, attempt_id: AttemptId, *, may_run_until: datetime) -> None:
    """Note that a running attempt's script may end later than was thought; never earlier."""
    values = {"an_id": attempt_id, "until": may_run_until}
    await session.execute(_EXTEND, values)


_EXTEND = (
    update(_ATTEMPTS)
    .where(
        _ATTEMPTS.c.id == bindparam("an_id"),
        _ATTEMPTS.c.state == RunState.RUNNING,
        _ATTEMPTS.c.may_run_until < bindparam("until", type_=_ATTEMPTS.c.may_run_until.type),
    )
    .values(may_run_until=bindparam("until", type_=_ATTEMPTS.c.may_run_until.type))
)
# Built once: claims ask.
_STARTS = (
    select(_ATTEMPTS.c.job_id, func.count())
    .select_from(_ATTEMPTS)
    .join(_RUNS, _RUNS.c.id == _ATTEMPTS.c.run_id)
    .where(
        _ATTEMPTS.c.job_id.in_(bindparam("jobs", expanding=True)),
        _ATTEMPTS.c.claimed_at > bindparam("since"),
        or_(_ATTEMPTS.c.number > 1, _RUNS.c.cause.in_(sorted(BY_ITSELF))),
    )
    .group_by(_ATTEMPTS.c.job_id)
)
