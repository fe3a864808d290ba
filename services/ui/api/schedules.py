"""What the job editor asks while somebody types, and the first page."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.bodies import PreviewBody
from services.ui.api.roles import VIEWER, roled
from services.ui.portal import Portal
from services.ui.zones import listed


def router(portal: Portal) -> APIRouter:
    """Return the routes of schedule previews, zones and the overview."""
    routes = roled("/api/v1")

    @routes.post("/schedules/preview", openapi_extra=VIEWER)
    async def preview(body: PreviewBody) -> Response:
        """Say what it means, or what is wrong with it: always with status 200, for it is being typed."""
        return answer(await portal.queries.preview(body.typed()))

    @routes.get("/zones", openapi_extra=VIEWER)
    async def zones() -> Response:
        names = await asyncio.to_thread(listed)
        return answer({"items": names, "next": None, "total": len(names)})

    @routes.get("/overview", openapi_extra=VIEWER)
    async def overview(hours: Annotated[int, Query(ge=1, le=24)] = 6) -> Response:
        return answer(await portal.queries.overview(hours=hours))

    return routes
