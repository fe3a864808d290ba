"""The scripts directory over HTTP: what can be chosen, all of it with its users, files to read and store."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.problems import problem
from services.ui.api.roles import FOLDER_EDITOR, VIEWER, roled
from services.ui.portal import Portal

Name = Annotated[str, Query(max_length=1_000)]


def router(portal: Portal) -> APIRouter:
    """Return the routes of scripts."""
    routes = roled("/api/v1/scripts")

    async def place() -> dict[str, Any]:
        """Say where scripts lie, and how many bytes one that is uploaded may have; 0: none can be."""
        upload_bytes = await asyncio.to_thread(portal.uploads.room)
        return {"root": str(portal.settings.scripts_dir.absolute()), "upload_bytes": upload_bytes}

    @routes.get("", openapi_extra=VIEWER)
    async def scripts() -> Response:
        names = await portal.queries.scripts()
        return answer({"items": names, "next": None, "total": len(names), **await place()})

    @routes.post("", openapi_extra=FOLDER_EDITOR)
    async def upload(request: Request, name: Name, replaces: str | None = None) -> Response:
        """Store the body as a script; `replaces` is the hash of the version that it is stored over."""
        try:
            stored = await portal.uploads.store(name, request.stream(), replaces=replaces)
        except ClientDisconnect:
            return problem(400, "The file did not arrive whole, so nothing was stored.")
        return answer(await portal.queries.script_text(stored), 201)

    @routes.get("/folder", openapi_extra=VIEWER)
    async def folder() -> Response:
        found = await portal.queries.scripts_folder()
        return answer({"items": found.items, "missing": found.missing, "cut": found.cut, **await place()})

    @routes.get("/text", openapi_extra=VIEWER)
    async def text(name: Name) -> Response:
        return answer(await portal.queries.script_text(name))

    return routes
