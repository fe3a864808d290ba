"""A job's instants over HTTP: why one did not run, pausing and resuming, running after the fact."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.bodies import Instant
from services.ui.api.roles import FOLDER_OPERATOR, VIEWER, roled
from services.ui.commands import CatchUp, Range
from services.ui.portal import Portal
from shared.domain.ids import JobId, ScheduleId


class ResumeBody(BaseModel):
    """What to run of the instants that passed in the pause."""

    model_config = ConfigDict(extra="forbid")

    catch_up: CatchUp = CatchUp.NONE


class RangeBody(BaseModel):
    """The instants in (`after`, `until`], of one schedule or of all."""

    model_config = ConfigDict(extra="forbid")

    after: Instant
    until: Instant
    schedule_id: UUID | None = None

    def range(self) -> Range:
        """Return what is asked for."""
        known = None if self.schedule_id is None else ScheduleId(self.schedule_id)
        return Range(after=self.after, until=self.until, schedule_id=known)


def router(portal: Portal) -> APIRouter:
    """Return the routes of a job's instants."""
    routes = roled("/api/v1/jobs/{job_id}")
    _add_pausing(routes, portal)
    _add_after_the_fact(routes, portal)

    @routes.get("/why", openapi_extra=VIEWER)
    async def why(job_id: UUID, at: Instant | None = None) -> Response:
        """Answer for an instant; without one, for what waits or was due last."""
        return answer(await portal.queries.why(JobId(job_id), at))

    return routes


def _add_pausing(routes: APIRouter, portal: Portal) -> None:
    @routes.post("/pause", openapi_extra=FOLDER_OPERATOR)
    async def pause(job_id: UUID) -> Response:
        await portal.commands.pause(JobId(job_id))
        return answer(await portal.queries.job(JobId(job_id)))

    @routes.get("/resume", openapi_extra=VIEWER)
    async def passed(job_id: UUID) -> Response:
        """Say what passed in the pause, before somebody decides over it."""
        return answer(await portal.queries.resume_preview(JobId(job_id)))

    @routes.post("/resume", openapi_extra=FOLDER_OPERATOR)
    async def resume(job_id: UUID, body: ResumeBody | None = None) -> Response:
        catch_up = CatchUp.NONE if body is None else body.catch_up
        await portal.commands.resume(JobId(job_id), catch_up=catch_up)
        return answer(await portal.queries.job(JobId(job_id)))


def _add_after_the_fact(routes: APIRouter, portal: Portal) -> None:
    @routes.get("/backfill", openapi_extra=VIEWER)
    async def preview(job_id: UUID, which: Annotated[RangeBody, Query()]) -> Response:
        asked = which.range()
        return answer(
            await portal.queries.backfill_preview(
                JobId(job_id), after=asked.after, until=asked.until, schedule_id=asked.schedule_id
            )
        )

    @routes.post("/backfill", openapi_extra=FOLDER_OPERATOR)
    async def ask(job_id: UUID, body: RangeBody) -> Response:
        """Ask for the runs; the scheduler makes them, each instant once."""
        return answer({"request_id": await portal.commands.backfill(JobId(job_id), body.range())}, 202)
