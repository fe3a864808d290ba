"""Oneself: how one sees the portal, who one is, one's password and open sessions."""

from typing import Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, SecretStr
from starlette.responses import Response

from services.ui.access import current, known
from services.ui.api.answers import answer
from services.ui.api.bodies import PersonBody
from services.ui.api.roles import VIEWER, roled
from services.ui.language import Language
from services.ui.models import Density, Person, Theme
from services.ui.portal import COOKIE, Portal, person_id_in, session_of, signed_in
from shared.domain.access import Who
from shared.domain.errors import InvalidInput
from shared.runtime.credentials import hashed

_YEAR_S = 365 * 86_400


class PasswordBody(BaseModel):
    """One's password, and the one that it is to become."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    old: SecretStr
    password: SecretStr


def router(portal: Portal) -> APIRouter:
    """Return the routes of one's own preferences."""
    routes = roled("/api/v1/me")

    @routes.get("", openapi_extra=VIEWER)
    async def get_me(request: Request) -> Response:
        """Say how whoever asks sees the portal, and who they are."""
        person = await portal.queries.person(person_id_in(request.cookies))
        return answer({**msgspec.to_builtins(person), "user": _user(current())})

    @routes.put("", openapi_extra=VIEWER)
    async def put_me(request: Request, body: PersonBody) -> Response:
        person_id = person_id_in(request.cookies)
        person = _changed(await portal.queries.person(person_id), body)
        saved = await portal.commands.save_person(person_id, person)
        response = answer(person)
        set_cookie(response, saved, secure=request.url.scheme == "https")
        return response

    _add_sessions(routes, portal)
    return routes


def _add_sessions(routes: APIRouter, portal: Portal) -> None:
    @routes.put("/password", openapi_extra=VIEWER)
    async def change_password(body: PasswordBody, request: Request) -> Response:
        """Give oneself another password; every session ends, and this browser gets a new one."""
        old, new = body.old.get_secret_value(), body.password.get_secret_value()
        secret = await portal.sign_in.change_password(old, new)
        return signed_in(Response(status_code=204), request, portal, secret)

    @routes.get("/sessions", openapi_extra=VIEWER)
    async def sessions(request: Request) -> Response:
        """Return the browsers in which one is signed in, the one that was seen last first."""
        mine = session_of(request, portal)
        items = [
            {
                "id": one.mark,
                "address": one.address,
                "agent": one.agent,
                "created_at": one.created_at,
                "seen_at": one.seen_at,
                "is_this": mine is not None and one.hash == hashed(mine),
            }
            for one in await portal.sign_in.sessions_of_mine()
        ]
        return answer({"items": items, "next": None, "total": len(items)})

    @routes.delete("/sessions/{session_id}", openapi_extra=VIEWER)
    async def sign_out_there(session_id: str) -> Response:
        """End one of one's sessions; the open pages of that browser end at once."""
        await portal.sign_in.end_mine(session_id)
        return Response(status_code=204)

    @routes.delete("/sessions", openapi_extra=VIEWER)
    async def sign_out_everywhere(request: Request) -> Response:
        """End every session of whoever asks, this one too."""
        await portal.sign_in.sign_out_everywhere()
        return signed_in(Response(status_code=204), request, portal, "")


def _user(who: Who) -> dict[str, Any]:
    return {"name": who.name, "role": who.role, "grants": dict(who.grants), "via": who.via}


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
    """Let the browser be known again by this id for a year; who signed in is known by that."""
    who = known()
    if who is not None and who.user_id is not None:
        return
    response.set_cookie(
        COOKIE, str(person_id), max_age=_YEAR_S, httponly=True, samesite="lax", secure=secure, path="/"
    )
