"""Tokens over HTTP: made once, shown once."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from services.ui.access import current
from services.ui.api.answers import answer
from services.ui.api.roles import VIEWER, roled
from services.ui.portal import Portal
from shared.db.credentials import ApiToken
from shared.domain.access import Role, Scope


class TokenBody(BaseModel):
    """A new token: never more than its owner may at that moment, and no longer than it lasts."""

    model_config = ConfigDict(extra="forbid")

    name: str
    role: Role = Role.VIEWER
    folder: str | None = None
    expires_days: int = 90


def router(portal: Portal) -> APIRouter:
    """Return the routes of tokens."""
    routes = roled("/api/v1/tokens")

    @routes.get("", openapi_extra=VIEWER)
    async def list_tokens(*, everybody: bool = False) -> Response:
        """Return one's own tokens; admins may ask for everybody's."""
        found = await portal.tokens.of_all(everybody=everybody)
        items = [_item(owner, one) for owner, one in found]
        return answer({"items": items, "next": None, "total": len(items)})

    @routes.post("", openapi_extra=VIEWER)
    async def make_token(body: TokenBody) -> Response:
        """Make a token; `token` is what a program shows, and is never told again."""
        scope = Scope(role=body.role, folder=body.folder)
        made, secret = await portal.tokens.make(body.name, scope, days=body.expires_days)
        return answer({**_item(current().name, made), "token": secret}, 201)

    @routes.delete("/{token_id}", openapi_extra=VIEWER)
    async def revoke_token(token_id: UUID) -> Response:
        """Let a token be good for nothing from now on."""
        await portal.tokens.revoke(token_id)
        return Response(status_code=204)

    return routes


def _item(owner: str, token: ApiToken) -> dict[str, Any]:
    return {
        "id": token.id,
        "owner": owner,
        "name": token.name,
        "prefix": token.prefix,
        "role": token.role,
        "folder": token.folder,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
    }
