"""Which role each route is for: declared on the route, shown in the OpenAPI document, demanded first.

Whoever has not the role is refused before anything is looked at. Where a folder's role is enough, the
commands ask whether it reaches as far as this job; they ask for every other role, too.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from services.ui.access import demand, demand_somewhere
from shared.domain.access import Role

KEY: Final = "x-role"
IN: Final = "x-role-in"
ANYBODY: Final = {KEY: "anybody"}
"""Also for who is not known."""
VIEWER: Final = {KEY: Role.VIEWER.value}
OPERATOR: Final = {KEY: Role.OPERATOR.value}
EDITOR: Final = {KEY: Role.EDITOR.value}
FOLDER_OPERATOR: Final = {**OPERATOR, IN: "folder"}
"""Also for whoever is that in some folder: the command asks whether it is this one."""
FOLDER_EDITOR: Final = {**EDITOR, IN: "folder"}
ADMIN: Final = {KEY: Role.ADMIN.value}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class RoleRoute(APIRoute):
    """A route that is for a role, which `openapi_extra` names."""

    def get_route_handler(self) -> Handler:
        """Return what answers, but only to those who may ask."""
        handler = super().get_route_handler()
        extra = self.openapi_extra or {}
        declared = extra.get(KEY)
        if declared is None:
            raise RuntimeError(f"{self.path} is for no role: name one by openapi_extra")
        role = None if declared == ANYBODY[KEY] else Role(declared)
        asks = demand_somewhere if IN in extra else demand

        async def answered(request: Request) -> Response:
            if role is not None:
                asks(role)
            return await handler(request)

        return answered


def roled(prefix: str = "") -> APIRouter:
    """Return a router whose routes all name the role that they are for."""
    return APIRouter(prefix=prefix, route_class=RoleRoute)
