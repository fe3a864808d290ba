"""Is it alive, is it ready, how does it stand."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.models import HealthState
from services.ui.portal import Portal


def router(portal: Portal) -> APIRouter:
    """Return the health routes and the overview."""
    routes = APIRouter()

    @routes.get("/healthz")
    async def healthz() -> Response:
        return answer({"alive": True})

    @routes.get("/readyz")
    async def readyz() -> Response:
        """Ready means that it can show and store: it stays so while the broker is away."""
        health = await portal.queries.health()
        ready = health.state is not HealthState.DOWN
        return answer({"ready": ready, "facts": health}, 200 if ready else 503)

    @routes.get("/api/v1/health")
    async def health() -> Response:
        return answer(await portal.queries.health())

    @routes.get("/api/v1/executors")
    async def executors() -> Response:
        return answer({"items": await portal.queries.executors(), "next": None, "total": None})

    @routes.get("/api/v1/executors/{name}")
    async def executor(name: str) -> Response:
        return answer(await portal.executors.named(name))

    @routes.get("/api/v1/utilisation")
    async def utilisation(executor: Annotated[str | None, Query(max_length=200)] = None) -> Response:
        """Say how busy the executors, or one of them, were over the last day."""
        return answer(await portal.executors.utilisation(executor))

    return routes
