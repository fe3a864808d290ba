"""What the job editor asks while somebody types, and the first page."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.bodies import PreviewBody
from services.ui.portal import Portal


def router(portal: Portal) -> APIRouter:
    """Return the routes of scripts, schedule previews and the overview."""
    routes = APIRouter(prefix="/api/v1")

    @routes.get("/scripts")
    async def scripts() -> Response:
        names = await portal.queries.scripts()
        return answer({"items": names, "next": None, "total": len(names)})

    @routes.post("/schedules/preview")
    async def preview(body: PreviewBody) -> Response:
        return answer(portal.queries.preview(body.schedule))

    @routes.get("/overview")
    async def overview(hours: Annotated[int, Query(ge=1, le=24)] = 6) -> Response:
        return answer(await portal.queries.overview(hours=hours))

    return routes
