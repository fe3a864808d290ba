"""The calendars that jobs are judged by."""

from fastapi import Request
from nicegui import ui

from services.ui.components.calendars_view import CalendarsView
from services.ui.components.frame import ViewOf, frame
from services.ui.portal import Portal
from services.ui.words import say


def register(_portal: Portal, view_of: ViewOf) -> None:
    """Register `/calendars`."""

    @ui.page("/calendars")
    async def calendars(request: Request) -> None:
        with frame(await view_of(request), title=say("Calendars"), active="calendars"):
            CalendarsView()
