"""What all jobs plan, over HTTP: the week by the hour, and the jobs of an hour."""

from datetime import date, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.bodies import Instant
from services.ui.api.roles import VIEWER, roled
from services.ui.portal import Portal, person_id_in
from services.ui.zones import checked_zone
from shared.domain.errors import InvalidInput

_FIRST, _LAST = date(1971, 1, 1), date(2199, 1, 1)
_LONGEST = timedelta(days=2)


def router(portal: Portal) -> APIRouter:
    """Return the routes of the week view."""
    routes = roled("/api/v1/week")

    @routes.get("", openapi_extra=VIEWER)
    async def week(
        request: Request, start: date | None = None, zone: Annotated[str | None, Query(max_length=64)] = None
    ) -> Response:
        """Seven days from `start` (today) in `zone` (that of who asks)."""
        if zone is None:
            zone = (await portal.queries.person(person_id_in(request.cookies))).zone
        known = checked_zone(zone)
        first = start or portal.clock.now().astimezone(ZoneInfo(known)).date()
        if not _FIRST <= first <= _LAST:
            raise InvalidInput("start", "Choose a day between 1971 and 2198.")
        return answer(await portal.queries.planning.week(start=first, zone=known))

    @routes.get("/jobs", openapi_extra=VIEWER)
    async def jobs(
        begin: Annotated[Instant, Query(alias="from")], end: Annotated[Instant, Query(alias="to")]
    ) -> Response:
        """The jobs with a start from `from` up to before `to`."""
        if not begin < end <= begin + _LONGEST:
            raise InvalidInput("to", "Choose an end after the start, at most 2 days later.")
        return answer(await portal.queries.planning.between(begin=begin, end=end))

    return routes
