"""Muting jobs over HTTP."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.roles import FOLDER_OPERATOR, VIEWER, roled
from services.ui.portal import Portal
from shared.domain.ids import JobId


class MuteBody(BaseModel):
    """For how long, in seconds from now."""

    model_config = ConfigDict(extra="forbid")

    for_s: int = 3_600


def router(portal: Portal) -> APIRouter:
    """Return the routes of mutes."""
    routes = roled("/api/v1/jobs/{job_id}/mute")

    @routes.get("", openapi_extra=VIEWER)
    async def mute_of(job_id: UUID) -> Response:
        return answer(await portal.held_mutes.of(JobId(job_id)))

    @routes.post("", openapi_extra=FOLDER_OPERATOR)
    async def mute(job_id: UUID, body: MuteBody | None = None) -> Response:
        """Leave the job out of what needs attention, for so long or until it succeeds."""
        await portal.mutes.mute(JobId(job_id), (body or MuteBody()).for_s)
        return answer(await portal.held_mutes.of(JobId(job_id)))

    @routes.delete("", openapi_extra=FOLDER_OPERATOR)
    async def unmute(job_id: UUID) -> Response:
        await portal.mutes.unmute(JobId(job_id))
        return answer(await portal.held_mutes.of(JobId(job_id)))

    return routes
