"""The first page: is all well, what runs, what failed, what is next."""

from fastapi import Request
from nicegui import ui

from services.ui.components.frame import ViewOf, frame, head, link_button
from services.ui.components.overview import Overview
from services.ui.portal import Portal


def register(_portal: Portal, view_of: ViewOf) -> None:
    """Register `/`."""

    @ui.page("/")
    async def overview(request: Request) -> None:
        with frame(await view_of(request), title="Overview", active="overview"):
            with head("Overview", sub="Last 24 hours"):
                link_button("All runs", "/runs")
                link_button("New job", "/jobs/new", main=True)
            Overview()
