"""Zone, theme, density and language of this browser, known by a random cookie until there is sign-in."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.bodies import PersonBody
from services.ui.language import Language
from services.ui.models import Density, Person, Theme
from services.ui.portal import COOKIE, Portal, person_id_in
from shared.domain.errors import InvalidInput

_YEAR_S = 365 * 86_400


def router(portal: Portal) -> APIRouter:
    """Return the routes of one's own preferences."""
    routes = APIRouter(prefix="/api/v1/me")

    @routes.get("")
    async def get_me(request: Request) -> Response:
        return answer(await portal.queries.person(person_id_in(request.cookies)))

    @routes.put("")
    async def put_me(request: Request, body: PersonBody) -> Response:
        person_id = person_id_in(request.cookies)
        person = _changed(await portal.queries.person(person_id), body)
        saved = await portal.commands.save_person(person_id, person)
        response = answer(person)
        set_cookie(response, saved, secure=request.url.scheme == "https")
        return response

    return routes


def _changed(person: Person, body: PersonBody) -> Person:
    return Person(
        zone=person.zone if body.zone is None else body.zone,
        theme=person.theme if body.theme is None else _theme(body.theme),
        density=person.density if body.density is None else _density(body.density),
        language=person.language if body.language is None else _language(body.language),
    )


def _theme(value: str) -> Theme:
    try:
        return Theme(value)
    except ValueError:
        raise InvalidInput("theme", "Choose auto, light or dark.") from None


def _density(value: str) -> Density:
    try:
        return Density(value)
    except ValueError:
        raise InvalidInput("density", "Choose comfortable or compact.") from None


def _language(value: str) -> Language:
    try:
        return Language(value)
    except ValueError:
        raise InvalidInput("language", "Choose auto, en or zh-Hant.") from None


def set_cookie(response: Response, person_id: UUID, *, secure: bool) -> None:
    """Let the browser be known again by this id for a year."""
    response.set_cookie(
        COOKIE, str(person_id), max_age=_YEAR_S, httponly=True, samesite="lax", secure=secure, path="/"
    )
