"""What all jobs plan for a week, hour by hour."""

from fastapi import Request
from nicegui import ui

from services.ui.components.frame import ViewOf, frame, head
from services.ui.components.week_view import WeekView
from services.ui.portal import Portal
from services.ui.words import say


def register(_portal: Portal, view_of: ViewOf) -> None:
    """Register `/week?start&hour`."""

    @ui.page("/week")
    async def week(request: Request) -> None:
        with frame(await view_of(request), title=say("Week"), active="week"):
            with head(say("Week"), sub=say("What the schedules of all jobs plan, by the hour")):
                pass
            WeekView()
