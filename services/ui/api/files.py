"""Jobs as files over HTTP: exported as YAML, and a YAML text planned and applied."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.roles import FOLDER_EDITOR, VIEWER, roled
from services.ui.documents.plan import Seen
from services.ui.documents.tree import MAX_CHARS
from services.ui.portal import Portal

MEDIA_TYPE = "application/yaml"  # RFC 9512
Names = Annotated[list[str], Query(max_length=200)]
Versions = dict[str, int | None]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlanBody(_Body):
    """A text, and what becomes of jobs that it does not have."""

    document: str = Field(max_length=MAX_CHARS)
    """YAML, as `GET /api/v1/export` writes it."""
    prune: str | None = None
    """A tag: jobs that have it and are not in the document are deleted."""


class SeenBody(_Body):
    """Which versions a plan told."""

    jobs: Versions = Field(default_factory=dict)
    calendars: Versions = Field(default_factory=dict)
    limits: Versions = Field(default_factory=dict)


class ApplyBody(PlanBody):
    """A text to be applied; `seen` is that of its plan, and whatever changed since is refused."""

    seen: SeenBody | None = None


def router(portal: Portal) -> APIRouter:
    """Return the routes of jobs as files."""
    routes = roled("/api/v1")

    @routes.get("/export", openapi_extra=VIEWER)
    async def export(name: Names = []) -> Response:  # noqa: B006 - FastAPI copies it
        """Return jobs with the calendars and limits that they use; without `name` all there are."""
        text = await portal.files.export(name)
        return Response(text, media_type=MEDIA_TYPE, headers={"cache-control": "no-store"})

    @routes.post("/plan", openapi_extra=FOLDER_EDITOR)
    async def plan(body: PlanBody) -> Response:
        """Say what applying the document would change; nothing is changed."""
        return answer(await portal.files.plan(body.document, prune=body.prune))

    @routes.post("/apply", openapi_extra=FOLDER_EDITOR)
    async def apply(body: ApplyBody) -> Response:
        """Change what the document says, all or nothing."""
        seen = None if body.seen is None else Seen(**dict(body.seen))
        return answer(await portal.files.apply(body.document, prune=body.prune, seen=seen))

    return routes
