"""Pausing and resuming, with what is to become of the instants that passed meanwhile."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.commands import history
from services.ui.commands.heads import CHANGED, Change, living
from services.ui.commands.history import Doing
from shared.db import jobs, pauses, requests
from shared.db.engine import Sessions
from shared.db.requests import BackfillRequest
from shared.db.schedules import schedules_ever
from shared.domain.access import Role
from shared.domain.backfill import MAX_BACKFILLED, Which
from shared.domain.changes import ChangeKind
from shared.domain.errors import Conflict
from shared.domain.ids import JobId, RequestId, new_id
from shared.domain.instants import newest_span


class CatchUp(StrEnum):
    """What to run of the instants that passed while a job was paused."""

    NONE = "none"
    LATEST = "latest"
    ALL = "all"
    """At most 100: the newest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A job that is followed again, and what was asked for with it."""

    change: Change
    request_id: RequestId | None


async def pause(sessions: Sessions, job_id: JobId, *, by: str, now: datetime) -> Change | None:
    """Stop following the schedules; None when they are not followed already."""
    async with sessions.begin() as session:
        head = await living(session, job_id, Role.OPERATOR)
        if head.paused_at is not None:
            return None
        if not await jobs.set_paused(session, head, now, now=now):
            raise Conflict(CHANGED)
        await pauses.begin_pause(session, job_id, by=by, at=now)
        await history.note(session, head, Doing(kind=ChangeKind.JOB_PAUSED, by=by, at=now))
    return Change(job_id=job_id, version=head.version + 1)


async def resume(
    sessions: Sessions, job_id: JobId, catch_up: CatchUp, *, by: str, now: datetime
) -> Resumed | None:
    """Follow the schedules again; None when they are followed already, and then nothing is caught up."""
    async with sessions.begin() as session:
        head = await living(session, job_id, Role.OPERATOR)
        if head.paused_at is None:
            return None
        if not await jobs.set_paused(session, head, None, now=now):
            raise Conflict(CHANGED)
        await pauses.end_pause(session, job_id, by=by, at=now)
        await history.note(session, head, Doing(kind=ChangeKind.JOB_RESUMED, by=by, at=now))
        request = await _catching_up(session, job_id, catch_up, since=head.paused_at, by=by, now=now)
        if request is not None:
            await requests.ask_for_backfill(session, request)
    change = Change(job_id=job_id, version=head.version + 1)
    return Resumed(change=change, request_id=None if request is None else request.id)


async def _catching_up(
    session: AsyncSession, job_id: JobId, catch_up: CatchUp, *, since: datetime, by: str, now: datetime
) -> BackfillRequest | None:
    if catch_up is CatchUp.NONE:
        return None
    schedules = [one for one in await schedules_ever(session, job_id) if one.until is None]
    span = newest_span(schedules, since, now, limit=MAX_BACKFILLED)
    if span is None:
        return None
    return BackfillRequest(
        id=RequestId(new_id()),
        job_id=job_id,
        after=span.after,
        until=now,
        which=Which(catch_up),
        schedule_id=None,
        requested_by=by,
        requested_at=now,
    )
