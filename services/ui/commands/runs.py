"""Asking for runs."""

from datetime import datetime

from shared.db import jobs, requests
from shared.db.engine import Sessions
from shared.db.requests import RunRequest
from shared.domain.errors import NotFound
from shared.domain.ids import JobId, RequestId, RunId, new_id
from shared.domain.run import Cause


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
        head = await jobs.head_of(session, job_id)
        if head is None or head.deleted_at is not None:
            raise NotFound(
                "There is no such job." if head is None else "This job is deleted. Restore it first."
            )
        await requests.ask_for_run(session, request)
    return request
