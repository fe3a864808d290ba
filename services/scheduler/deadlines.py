"""Ends what was not started by its deadline, also when nobody asks for it: a sweep, page by page."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.ledger import Effects
from services.scheduler.overlap import decide_held
from services.scheduler.stopping import stop_waiting
from shared.db.locks import lock_jobs
from shared.db.runs import Place, with_deadline
from shared.domain.run import Reason, RunState

log = structlog.get_logger()

_PAGE = 500


async def end_overdue(
    session: AsyncSession, effects: Effects, *, now: datetime, after: Place | None = None
) -> Place | None:
    """End one page of what has waited too long; return where the next page begins, None after the last."""
    waiting = await with_deadline(session, due_before=now, after=after, limit=_PAGE)
    overdue = [one for one in waiting if one.place.due_at + one.deadline < now]
    await lock_jobs(session, {one.job_id for one in overdue})
    jobs = set()
    for one in overdue:
        values = {"reason": Reason.DEADLINE, "detail": deadline_detail(one.deadline), "finished_at": now}
        if await stop_waiting(session, effects, [one.place.id], RunState.MISSED, values):
            jobs.add(one.job_id)
    if jobs:
        log.warning("runs not started in time", count=len(overdue))
        await decide_held(session, effects, jobs, now=now)
    return waiting[-1].place if len(waiting) == _PAGE else None


def deadline_detail(deadline: timedelta) -> str:
    """Say for people why a run was not started any more."""
    return f"it could not be started within {deadline.total_seconds():g} s of when it was due"
