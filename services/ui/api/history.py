"""The versions of jobs, and what was done lately, over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.bodies import After, JobBody, Limit, RevertBody
from services.ui.api.roles import FOLDER_EDITOR, VIEWER, roled
from services.ui.portal import Portal
from shared.domain.ids import JobId

_MOST = 2**31 - 1
Version = Annotated[int, Path(ge=1, le=_MOST)]
Since = Annotated[int, Query(ge=1, le=_MOST)]


def router(portal: Portal) -> APIRouter:
    """Return the routes of what people did."""
    routes = roled("/api/v1")
    told = portal.history

    @routes.get("/activity", openapi_extra=VIEWER)
    async def activity(job: UUID | None = None, after: After = None, limit: Limit = 50) -> Response:
        job_id = None if job is None else JobId(job)
        return answer(await told.activity(job_id=job_id, after=after, limit=limit))

    @routes.get("/jobs/{job_id}/versions", openapi_extra=VIEWER)
    async def versions(job_id: UUID, after: After = None, limit: Limit = 50) -> Response:
        return answer(await told.versions(JobId(job_id), after=after, limit=limit))

    @routes.get("/jobs/{job_id}/changes", openapi_extra=VIEWER)
    async def changes(job_id: UUID, since: Since) -> Response:
        """Say what is another one in the job than at this version."""
        return answer(await told.changes_since(JobId(job_id), since))

    @routes.get("/jobs/{job_id}/versions/{version}", openapi_extra=VIEWER)
    async def version(job_id: UUID, version: Version) -> Response:
        """Say how the job was defined at this version, as the body of a new job."""
        return answer(await told.version(JobId(job_id), version))

    @routes.post("/jobs/{job_id}/versions/{version}/restore", openapi_extra=FOLDER_EDITOR)
    async def revert(job_id: UUID, version: Version, body: RevertBody) -> Response:
        """Make the job again what it was at this version: that is a new one."""
        known = JobId(job_id)
        then: dict[str, Any] = await told.version(known, version)
        draft = JobBody(**then).draft()
        await portal.commands.revert_job(known, draft, version, expected_version=body.version)
        return answer(await portal.queries.job(known))

    return routes
