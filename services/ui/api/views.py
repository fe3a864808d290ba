"""Kept searches over HTTP: one's own under /me, any under its address."""

from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.people import set_cookie
from services.ui.api.roles import VIEWER, roled
from services.ui.models import JobFilter, JobSort
from services.ui.portal import Portal, person_id_in


class QuestionBody(BaseModel):
    """What the jobs list is asked."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field("", max_length=200)
    state: JobFilter | None = None
    tag: str = Field("", max_length=400)
    sort: JobSort = JobSort.NAME


class ViewBody(BaseModel):
    """A new view."""

    model_config = ConfigDict(extra="forbid")

    name: str
    question: QuestionBody


class NameBody(BaseModel):
    """Another name of a view."""

    model_config = ConfigDict(extra="forbid")

    name: str


def router(portal: Portal) -> APIRouter:
    """Return the routes of kept searches."""
    routes = roled("/api/v1")

    @routes.get("/views/{view_id}", openapi_extra=VIEWER)
    async def view(view_id: UUID) -> Response:
        return answer(await portal.kept_views.view(view_id))

    @routes.get("/me/views", openapi_extra=VIEWER)
    async def own(request: Request) -> Response:
        items = await portal.kept_views.of(person_id_in(request.cookies))
        return answer({"items": items, "next": None, "total": len(items)})

    @routes.post("/me/views", openapi_extra=VIEWER)
    async def keep(body: ViewBody, request: Request) -> Response:
        person_id = person_id_in(request.cookies)
        question = body.question.model_dump(mode="json", exclude_defaults=True)
        usual = await portal.queries.person(person_id)
        person_id, view_id = await portal.views.keep(person_id, usual, body.name, question)
        response = answer(await portal.kept_views.view(view_id), 201)
        set_cookie(response, person_id, secure=request.url.scheme == "https")
        return response

    @routes.patch("/me/views/{view_id}", openapi_extra=VIEWER)
    async def rename(view_id: UUID, body: NameBody, request: Request) -> Response:
        await portal.views.rename(person_id_in(request.cookies), view_id, body.name)
        return answer(await portal.kept_views.view(view_id))

    @routes.delete("/me/views/{view_id}", openapi_extra=VIEWER)
    async def remove(view_id: UUID, request: Request) -> Response:
        await portal.views.remove(person_id_in(request.cookies), view_id)
        return Response(status_code=204)

    return routes
