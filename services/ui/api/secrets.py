"""Secrets over HTTP: values go in and never come out."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, SecretStr
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.roles import EDITOR, VIEWER, roled
from services.ui.portal import Portal


class SecretBody(BaseModel):
    """A secret; without a value: another description for one that is stored."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    value: SecretStr | None = None
    description: str = ""


def router(portal: Portal) -> APIRouter:
    """Return the routes of secrets."""
    routes = roled("/api/v1/secrets")

    async def secrets_now(status: int = 200) -> Response:
        items = await portal.queries.secrets()
        return answer({"items": items, "next": None, "total": len(items)}, status)

    @routes.get("", openapi_extra=VIEWER)
    async def list_secrets() -> Response:
        """Return the secrets by name: description, when each was changed and by whom, which jobs use it."""
        return await secrets_now()

    @routes.put("/{name}", openapi_extra=EDITOR)
    async def put_secret(name: str, body: SecretBody) -> Response:
        """Store a secret, or give it a new value: runs that start from now on get that."""
        value = None if body.value is None else body.value.get_secret_value()
        is_new = await portal.secrets.put(name, value, description=body.description)
        return await secrets_now(201 if is_new else 200)

    @routes.delete("/{name}", openapi_extra=EDITOR)
    async def delete_secret(name: str) -> Response:
        """Delete a secret that no job uses."""
        await portal.secrets.delete(name)
        return await secrets_now()

    return routes
