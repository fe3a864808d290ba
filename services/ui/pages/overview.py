"""The first page: is all well, what runs, what failed, what is next."""

from fastapi import Request
from nicegui import ui

from services.ui.components.frame import ViewOf, frame, head, link_button
from services.ui.components.overview import Overview
from services.ui.portal import Portal
from services.ui.words import say


def register(_portal: Portal, view_of: ViewOf) -> None:
    """Register `/`."""

    @ui.page("/")
    async def overview(request: Request) -> None:
        with frame(await view_of(request), title=say("Overview"), active="overview"):
            with head(say("Overview"), sub=say("Last 24 hours")):
                link_button(say("All runs"), "/runs")
                link_button(say("New job"), "/jobs/new", main=True)
            Overview()
