"""Which runs that were planned in time are too late when they are published: the rows of the misfire rule."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import table_of
from shared.db.tables import AttemptRow, JobRow, RunRow
from shared.domain.ids import JobId, RunId
from shared.domain.policy import OnMissed, Overlap, policy_from_json
from shared.domain.run import Cause, RunState

_ATTEMPTS = table_of(AttemptRow)
_JOBS = table_of(JobRow)
_RUNS = table_of(RunRow)


async def superseded(
    session: AsyncSession, run_ids: Collection[RunId], *, grace: timedelta, now: datetime
) -> list[RunId]:
    """Return those of the runs that are not to run any more though they were planned in time.

    By the misfire rule of their job: none if all are caught up, all if none is, or else those for which
    a newer instant of the same schedule runs, ran or is to run. What was planned late was judged then,
    what has been published already is on its way, and what waits for another run of its job by rule is
    not late by anybody's fault.
    """
    rows = (await session.execute(_LATE, {"ids": list(run_ids)})).all()
    if not rows:
        return []
    since = min(row.nominal_at for row in rows)
    newest = await _newest_kept(session, {JobId(row.job_id) for row in rows}, since=since, now=now)
    return [
        RunId(row.id)
        for row in rows
        if row.created_at <= row.due_at + grace
        and _is_misfired(row, has_newer=newest.get(row.schedule_id, since) > row.nominal_at)
    ]


async def _newest_kept(
    session: AsyncSession, job_ids: Collection[JobId], *, since: datetime, now: datetime
) -> dict[UUID, datetime]:
    """Return of each schedule of these jobs the newest due instant after `since` that is not called off.

    In one look at what is younger than `since`: asked for each run, it was one through the job's history.
    """
    rows = await session.execute(_NEWEST_KEPT, {"jobs": list(job_ids), "since": since, "now": now})
    return {schedule_id: at for schedule_id, at in rows if schedule_id is not None}


def _is_misfired(row: Any, *, has_newer: bool) -> bool:
    policy = policy_from_json(row.policy)
    if row.overlap is not Overlap.SKIP and policy.at_once(row.overlap) is not None:
        return False
    match policy.on_missed:
        case OnMissed.LATEST:
            return has_newer
        case OnMissed.ALL:
            return False
        case OnMissed.SKIP:
            return True


# Built once: to build such a statement costs more than to run it.
_LATE = (
    select(
        *(_RUNS.c[name] for name in ("id", "job_id", "schedule_id", "nominal_at", "created_at", "due_at")),
        *(_JOBS.c[name] for name in ("overlap", "policy")),
    )
    .join(_JOBS, _JOBS.c.id == _RUNS.c.job_id)
    .join(_ATTEMPTS, _ATTEMPTS.c.run_id == _RUNS.c.id)
    # Another scheduler may have published it in time meanwhile, and it may have run since.
    .where(
        _RUNS.c.id.in_(bindparam("ids", expanding=True)),
        _RUNS.c.attempt == 1,
        _ATTEMPTS.c.number == 1,
        _ATTEMPTS.c.published_at.is_(None),
    )
)
_NEWEST_KEPT = (
    select(_RUNS.c.schedule_id, func.max(_RUNS.c.nominal_at))
    .where(
        _RUNS.c.job_id.in_(bindparam("jobs", expanding=True)),
        _RUNS.c.due_at > bindparam("since"),  # nothing is due before its nominal instant
        _RUNS.c.due_at <= bindparam("now"),
        _RUNS.c.cause == Cause.SCHEDULE,
        _RUNS.c.state.not_in((RunState.SKIPPED, RunState.MISSED, RunState.CANCELLED)),
    )
    .group_by(_RUNS.c.schedule_id)
)
