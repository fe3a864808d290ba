"""How a job has been doing, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.roles import VIEWER, roled
from services.ui.portal import Portal, person_id_in
from services.ui.zones import checked_zone
from shared.domain.ids import JobId


def router(portal: Portal) -> APIRouter:
    """Return the route of insights."""
    routes = roled("/api/v1/jobs")

    @routes.get("/{job_id}/insights", openapi_extra=VIEWER)
    async def insights(
        request: Request, job_id: UUID, zone: Annotated[str | None, Query(max_length=64)] = None
    ) -> Response:
        """Days of `zone` (that of who asks), durations and start delays of the newest runs."""
        if zone is None:
            zone = (await portal.queries.person(person_id_in(request.cookies))).zone
        return answer(await portal.insights.of_job(JobId(job_id), checked_zone(zone)))

    return routes
