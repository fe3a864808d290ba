"""The scripts directory over HTTP: names to choose from, all of it with its users, one file to read."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.portal import Portal


def router(portal: Portal) -> APIRouter:
    """Return the routes of scripts."""
    routes = APIRouter(prefix="/api/v1/scripts")

    @routes.get("")
    async def scripts() -> Response:
        names = await portal.queries.scripts()
        return answer({"items": names, "next": None, "total": len(names)})

    @routes.get("/folder")
    async def folder() -> Response:
        return answer(await portal.queries.scripts_folder())

    @routes.get("/text")
    async def text(name: Annotated[str, Query(max_length=1_000)]) -> Response:
        return answer(await portal.queries.script_text(name))

    return routes
