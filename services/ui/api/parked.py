"""Parked messages over HTTP: what lies there, and what is to be done with it."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.roles import OPERATOR, VIEWER, roled
from services.ui.portal import Portal
from shared.domain.ids import ParkedId
from shared.domain.parked import ParkedWish


def router(portal: Portal) -> APIRouter:
    """Return the routes of parked messages."""
    routes = roled("/api/v1/parked")

    @routes.get("", openapi_extra=VIEWER)
    async def list_parked() -> Response:
        """List what could not be understood or handled, undecided first."""
        return answer(await portal.queries.parked())

    @routes.post("/{parked_id}/put-back", openapi_extra=OPERATOR)
    async def put_back(parked_id: UUID) -> Response:
        """Ask that the message is published again to where it came from."""
        return await _asked(parked_id, ParkedWish.PUT_BACK)

    @routes.post("/{parked_id}/discard", openapi_extra=OPERATOR)
    async def discard(parked_id: UUID) -> Response:
        """Ask that the message is laid aside for good."""
        return await _asked(parked_id, ParkedWish.DISCARD)

    async def _asked(parked_id: UUID, wish: ParkedWish) -> Response:
        await portal.controls.decide_parked(ParkedId(parked_id), wish)
        return answer(await portal.queries.parked(), 202)

    return routes
