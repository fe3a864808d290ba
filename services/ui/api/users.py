"""Users over HTTP, for admins."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.roles import ADMIN, roled
from services.ui.commands.users import UserChange
from services.ui.portal import Portal
from shared.db.users import User
from shared.domain.access import MAX_GRANTS, Role


class UserBody(BaseModel):
    """A new user: what they may do everywhere, and what more in folders of scripts."""

    model_config = ConfigDict(extra="forbid")

    name: str
    role: Role = Role.VIEWER
    grants: dict[str, Role] = Field(default_factory=dict, max_length=MAX_GRANTS)


class UserPatch(BaseModel):
    """What is to be another one in a user; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    grants: dict[str, Role] | None = Field(None, max_length=MAX_GRANTS)
    disabled: bool | None = None


def router(portal: Portal) -> APIRouter:
    """Return the routes of users."""
    routes = roled("/api/v1/users")

    @routes.get("", openapi_extra=ADMIN)
    async def list_users() -> Response:
        seen = await portal.users.seen()
        items = [{**_item(one), "seen_at": seen.get(one.id)} for one in await portal.users.all()]
        return answer({"items": items, "next": None, "total": len(items)})

    @routes.post("", openapi_extra=ADMIN)
    async def create_user(body: UserBody, request: Request) -> Response:
        """Make a user who sets a password by the answered link, within three days."""
        user, code = await portal.users.create(body.name, body.role, body.grants)
        return answer({**_item(user), "link": _link(portal, request, code)}, 201)

    @routes.post("/setup-link", openapi_extra=ADMIN)
    async def setup_link(request: Request) -> Response:
        """Return a link by which somebody makes themselves the owner; null where there is one already."""
        if await portal.access.has_owner():
            return answer({"link": None})
        return answer({"link": _link(portal, request, await portal.users.setup_code(), "setup")})

    @routes.patch("/{user_id}", openapi_extra=ADMIN)
    async def change_user(user_id: UUID, body: UserPatch) -> Response:
        """Give a user another role, other grants, or shut them out; their open pages end at once."""
        change = UserChange(role=body.role, grants=body.grants, disabled=body.disabled)
        return answer(_item(await portal.users.change(user_id, change)))

    @routes.post("/{user_id}/link", openapi_extra=ADMIN)
    async def link_of_user(user_id: UUID, request: Request) -> Response:
        """Return a link by which a user sets a new password, once and within three days."""
        return answer({"link": _link(portal, request, await portal.users.link(user_id))}, 201)

    return routes


def _link(portal: Portal, request: Request, code: str, to: str = "join") -> str:
    base = portal.settings.public_url or f"http://{request.headers['host']}"
    return f"{base}/{to}?code={code}"


def _item(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role,
        "grants": user.grants,
        "created_at": user.created_at,
        "disabled_at": user.disabled_at,
        "has_password": user.password_hash is not None,
    }
