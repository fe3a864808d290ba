"""Is it alive, is it ready, how does it stand."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.ui.access import known
from services.ui.api.answers import answer
from services.ui.api.roles import ANYBODY, VIEWER, roled
from services.ui.models import HealthState
from services.ui.portal import Portal


def router(portal: Portal) -> APIRouter:
    """Return the health routes and the overview."""
    routes = roled()

    @routes.get("/healthz", openapi_extra=ANYBODY)
    async def healthz() -> Response:
        return answer({"alive": True})

    @routes.get("/readyz", openapi_extra=ANYBODY)
    async def readyz() -> Response:
        """Ready means that it can show and store: it stays so while the broker is away."""
        health = await portal.queries.health()
        ready = health.state is not HealthState.DOWN
        # How it stands is for those who are known; whether is what a balancer asks.
        facts = {"ready": ready} if known() is None else {"ready": ready, "facts": health}
        return answer(facts, 200 if ready else 503)

    @routes.get("/api/v1/health", openapi_extra=VIEWER)
    async def health() -> Response:
        return answer(await portal.queries.health())

    @routes.get("/api/v1/executors", openapi_extra=VIEWER)
    async def executors() -> Response:
        return answer({"items": await portal.queries.executors(), "next": None, "total": None})

    @routes.get("/api/v1/executors/{name}", openapi_extra=VIEWER)
    async def executor(name: str) -> Response:
        return answer(await portal.executors.named(name))

    @routes.get("/api/v1/utilisation", openapi_extra=VIEWER)
    async def utilisation(executor: Annotated[str | None, Query(max_length=200)] = None) -> Response:
        """Say how busy the executors, or one of them, were over the last day."""
        return answer(await portal.executors.utilisation(executor))

    return routes
