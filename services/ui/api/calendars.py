"""Calendars over HTTP: kept ones, and what a file or a country's law would make of one."""

import asyncio
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.roles import EDITOR, VIEWER, roled
from services.ui.commands.calendar_files import MAX_CHARS, dates_from_ics
from services.ui.commands.holiday_lists import dates_of_country
from services.ui.portal import Portal
from shared.domain.calendars import Calendar, Dates, hong_kong, to_json
from shared.domain.ids import CalendarId

Year = Annotated[int, Field(ge=1970, le=2199)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CalendarBody(_Body):
    """A calendar as plain values; the domain judges them."""

    name: str
    zone: str
    kind: str
    dates: list[Any] | None = None
    windows: list[Any] | None = None
    known_from: str | None = None
    known_until: str | None = None

    def plain(self) -> dict[str, object]:
        """Return what is to be judged."""
        return self.model_dump(exclude_none=True, exclude={"version"})


class CalendarPatch(CalendarBody):
    """An edited calendar; `version` is the one that it was edited from."""

    version: int


class FileBody(_Body):
    """A calendar file, and the years of it that are wanted."""

    ics: str = Field(max_length=MAX_CHARS)
    zone: str
    first_year: Year
    last_year: Year


class CountryBody(_Body):
    """A country's public holidays."""

    country: str = Field(max_length=10)
    subdivision: str | None = Field(None, max_length=20)
    first_year: Year
    last_year: Year


def router(portal: Portal) -> APIRouter:
    """Return the routes of calendars."""
    routes = roled("/api/v1/calendars")
    _add_reading(routes)
    _add_kept(routes, portal)
    return routes


def _add_kept(routes: APIRouter, portal: Portal) -> None:
    @routes.get("", openapi_extra=VIEWER)
    async def list_calendars() -> Response:
        items = await portal.queries.calendars()
        return answer({"items": items, "next": None, "total": len(items)})

    @routes.post("", openapi_extra=EDITOR)
    async def create(body: CalendarBody) -> Response:
        known = await portal.commands.create_calendar(body.plain())
        return answer(await portal.queries.calendar(known), 201, {"location": f"/api/v1/calendars/{known}"})

    @routes.get("/{calendar_id}", openapi_extra=VIEWER)
    async def get_calendar(calendar_id: UUID) -> Response:
        return answer(await portal.queries.calendar(CalendarId(calendar_id)))

    @routes.patch("/{calendar_id}", openapi_extra=EDITOR)
    async def edit(calendar_id: UUID, body: CalendarPatch) -> Response:
        known = CalendarId(calendar_id)
        await portal.commands.edit_calendar(known, body.plain(), expected_version=body.version)
        return answer(await portal.queries.calendar(known))

    @routes.delete("/{calendar_id}", openapi_extra=EDITOR)
    async def delete(calendar_id: UUID) -> Response:
        await portal.commands.delete_calendar(CalendarId(calendar_id))
        return Response(status_code=204)


def _add_reading(routes: APIRouter) -> None:
    """Add what fills a form: nothing is kept by it."""

    @routes.get("/hong-kong", openapi_extra=VIEWER)
    async def built_in() -> Response:
        return answer(to_json(hong_kong()))

    @routes.post("/read-file", openapi_extra=EDITOR)
    async def read_file(body: FileBody) -> Response:
        dates = await asyncio.to_thread(
            dates_from_ics,
            body.ics,
            zone=body.zone,
            first=date(body.first_year, 1, 1),
            last=date(body.last_year, 12, 31),
        )
        return answer(_as_form(dates, body.zone))

    @routes.post("/read-country", openapi_extra=EDITOR)
    async def read_country(body: CountryBody) -> Response:
        years = range(body.first_year, body.last_year + 1)
        dates = await asyncio.to_thread(dates_of_country, body.country, years, subdivision=body.subdivision)
        return answer(_as_form(dates, "UTC"))


def _as_form(dates: Dates, zone: str) -> dict[str, object]:
    """Return the dates as they fill the form, which has a name and a zone of its own."""
    form = to_json(Calendar(name="read", zone=zone, times=dates))
    return {key: value for key, value in form.items() if key not in {"name", "zone"}}
