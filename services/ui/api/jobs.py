"""Jobs over HTTP."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.bodies import AcceptBody, JobBody, JobPatch, RunBody
from services.ui.api.once import IfMatch, Key, version_in
from services.ui.api.problems import problem
from services.ui.api.roles import FOLDER_EDITOR, FOLDER_OPERATOR, VIEWER, roled
from services.ui.models import JobFilter, JobItem, JobSort
from services.ui.portal import Portal
from shared.domain.errors import Conflict
from shared.domain.ids import JobId
from shared.domain.run import Cause
from shared.domain.tags import MAX_TAGS


class JobsQuery(BaseModel):
    """The query of the jobs list; `tag` may hold several with commas between them."""

    q: str = Field("", max_length=200)
    name: str | None = Field(None, max_length=200)
    """The whole of one, whatever its case."""
    state: JobFilter | None = None
    tag: str = Field("", max_length=400)
    sort: JobSort = JobSort.NAME
    after: str | None = Field(None, max_length=500)
    limit: int = Field(50, ge=1, le=200)

    def tags(self) -> tuple[str, ...]:
        """Return the tags, all of which a job is to have."""
        return tuple(dict.fromkeys(one for one in self.tag.split(",") if one))[:MAX_TAGS]


def router(portal: Portal) -> APIRouter:
    """Return the routes of jobs."""
    routes = roled("/api/v1/jobs")
    _add_reading(routes, portal)
    _add_writing(routes, portal)
    _add_actions(routes, portal)
    return routes


def _add_reading(routes: APIRouter, portal: Portal) -> None:
    @routes.get("", openapi_extra=VIEWER)
    async def list_jobs(which: Annotated[JobsQuery, Query()]) -> Response:
        return answer(await portal.queries.jobs(tags=which.tags(), **which.model_dump(exclude={"tag"})))

    @routes.get("/tags", openapi_extra=VIEWER)
    async def list_tags() -> Response:
        """Return the tags that jobs have."""
        items = await portal.queries.tags()
        return answer({"items": items, "next": None, "total": len(items)})

    @routes.get("/{job_id}", openapi_extra=VIEWER)
    async def get_job(job_id: UUID) -> Response:
        """Return a job; its `ETag` is what an edit shows as `If-Match`."""
        return _job(await portal.queries.job(JobId(job_id)))

    @routes.get("/{job_id}/script", openapi_extra=VIEWER)
    async def script(job_id: UUID) -> Response:
        return answer(await portal.queries.script_of_job(JobId(job_id)))

    @routes.get("/{job_id}/chain", openapi_extra=VIEWER)
    async def chain(job_id: UUID) -> Response:
        return answer(await portal.queries.chain(JobId(job_id)))


def _add_writing(routes: APIRouter, portal: Portal) -> None:
    @routes.post("", openapi_extra=FOLDER_EDITOR)
    async def create_job(body: JobBody, once: Key) -> Response:
        job_id = await portal.commands.create_job(body.draft(), once=once)
        return _job(await portal.queries.job(job_id), 201, location=f"/api/v1/jobs/{job_id}")

    @routes.patch("/{job_id}", openapi_extra=FOLDER_EDITOR)
    async def edit_job(job_id: UUID, body: JobPatch, if_match: IfMatch = None) -> Response:
        """Change a job; `version`, or the `ETag` as `If-Match`, says on what the changes were made."""
        known = JobId(job_id)
        draft = body.draft(await portal.queries.job(known))
        version = version_in(if_match, body.version)
        try:
            await portal.commands.edit_job(known, draft, expected_version=version)
        except Conflict as error:
            if if_match is None:
                raise
            return problem(HTTPStatus.PRECONDITION_FAILED, str(error), "If-Match")
        return _job(await portal.queries.job(known))

    @routes.delete("/{job_id}", openapi_extra=FOLDER_EDITOR)
    async def delete_job(job_id: UUID) -> Response:
        await portal.commands.delete(JobId(job_id))
        return answer(await portal.queries.job(JobId(job_id)))


def _add_actions(routes: APIRouter, portal: Portal) -> None:
    @routes.post("/{job_id}/run", openapi_extra=FOLDER_OPERATOR)
    async def run_now(job_id: UUID, request: Request, once: Key, body: RunBody | None = None) -> Response:
        """Ask for a run; it can be watched at once under the answered id."""
        given = {} if body is None else body.parameters
        cause = cause_of(request)
        run_id = await portal.commands.run_now(JobId(job_id), parameters=given, cause=cause, once=once)
        return answer({"run_id": run_id}, 202, {"location": f"/api/v1/runs/{run_id}"})

    @routes.post("/{job_id}/accept-script", openapi_extra=FOLDER_EDITOR)
    async def accept_script(job_id: UUID, body: AcceptBody) -> Response:
        """Let the job run the script with this hash from now on."""
        await portal.commands.accept_script(JobId(job_id), body.sha256)
        return answer(await portal.queries.job(JobId(job_id)))

    @routes.post("/{job_id}/restore", openapi_extra=FOLDER_EDITOR)
    async def restore(job_id: UUID) -> Response:
        await portal.commands.restore(JobId(job_id))
        return answer(await portal.queries.job(JobId(job_id)))


def _job(job: JobItem, status: int = 200, **headers: str) -> Response:
    return answer(job, status, {"etag": f'"{job.version}"', **headers})


def cause_of(request: Request) -> Cause:
    """Return why a run is that this request asks for."""
    # Only browsers say this, of a request that one of our own pages made: a person pressed the button.
    is_page = request.headers.get("sec-fetch-site") == "same-origin"
    return Cause.MANUAL if is_page else Cause.API
