"""Asking for runs: for one now, or for instants that passed."""

from dataclasses import dataclass
from datetime import datetime

from services.ui.commands.heads import living
from shared.db import requests, reruns
from shared.db.engine import Sessions
from shared.db.requests import BackfillRequest, RunRequest
from shared.db.reruns import RerunRequest, repeated_run
from shared.domain.backfill import Which
from shared.domain.errors import InvalidInput, NotFound
from shared.domain.ids import JobId, RequestId, RunId, ScheduleId, new_id
from shared.domain.job import check_args
from shared.domain.run import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The instants in (`after`, `until`] of all schedules of a job, or of one."""

    after: datetime
    until: datetime
    schedule_id: ScheduleId | None = None


async def ask_for_run(
    sessions: Sessions, job_id: JobId, *, requested_by: str, cause: Cause, now: datetime
) -> RunRequest:
    """Store the request; a paused job may be asked for, a deleted one may not."""
    request_id = new_id()
    request = RunRequest(
        # One id for both: who knows the run knows the request that it came from.
        id=RequestId(request_id),
        run_id=RunId(request_id),
        job_id=job_id,
        requested_by=requested_by,
        cause=cause,
        requested_at=now,
    )
    async with sessions.begin() as session:
        await living(session, job_id)
        await requests.ask_for_run(session, request)
    return request


async def ask_for_rerun(
    sessions: Sessions, run_id: RunId, args: tuple[str, ...] | None, *, requested_by: str, now: datetime
) -> RunId:
    """Store the request for a run like that one; return the id that the new one will have."""
    if args is not None:
        check_args(args)
    new_run = RunId(new_id())
    async with sessions.begin() as session:
        first = await repeated_run(session, run_id)
        if first is None:
            raise NotFound("There is no such run. Old runs leave the ledger after a while.")
        if first.instants > 1:
            raise InvalidInput("run_id", "These are many missed instants. Run them after the fact instead.")
        await living(session, first.job_id)
        request = RerunRequest(
            run_id=new_run,
            repeats=run_id,
            job_id=first.job_id,
            args=args,
            requested_by=requested_by,
            requested_at=now,
        )
        await reruns.ask_for_rerun(session, request)
    return new_run


async def ask_for_backfill(
    sessions: Sessions, job_id: JobId, which: Range, *, requested_by: str, now: datetime
) -> RequestId:
    """Store the request; what is to come is not asked for, and a deleted job is not either."""
    until = min(which.until, now)
    if which.after >= until:
        raise InvalidInput("until", "There is nothing between these two instants yet. Choose another range.")
    request = BackfillRequest(
        id=RequestId(new_id()),
        job_id=job_id,
        after=which.after,
        until=until,
        which=Which.ALL,
        schedule_id=which.schedule_id,
        requested_by=requested_by,
        requested_at=now,
    )
    async with sessions.begin() as session:
        await living(session, job_id)
        await requests.ask_for_backfill(session, request)
    return request.id
