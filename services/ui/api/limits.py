"""Shared limits over HTTP."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.roles import EDITOR, VIEWER, roled
from services.ui.portal import Portal


class LimitBody(BaseModel):
    """How many may run at once."""

    model_config = ConfigDict(extra="forbid")

    maximum: int


def router(portal: Portal) -> APIRouter:
    """Return the routes of the shared limits."""
    routes = roled("/api/v1")

    async def limits_now() -> Response:
        items = await portal.queries.limits()
        return answer({"items": items, "next": None, "total": len(items)})

    @routes.get("/limits", openapi_extra=VIEWER)
    async def list_limits() -> Response:
        """Return the shared limits by key: maximum, in use by whom, how many wait, how many jobs."""
        return await limits_now()

    @routes.put("/limits/{key}", openapi_extra=EDITOR)
    async def set_maximum(key: str, body: LimitBody) -> Response:
        """Let so many attempts of the jobs that name the key run at once; what runs, runs on."""
        await portal.controls.set_limit(key, body.maximum)
        return await limits_now()

    @routes.delete("/limits/{key}", openapi_extra=EDITOR)
    async def forget_maximum(key: str) -> Response:
        """Let the key have the usual maximum again: 1."""
        await portal.controls.forget_limit(key)
        return await limits_now()

    return routes
