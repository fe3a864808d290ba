"""Every run, newest first."""

from fastapi import Request
from nicegui import ui

from services.ui.components.frame import ViewOf, frame, head
from services.ui.components.runs_table import RunsTable
from services.ui.portal import Portal
from services.ui.words import say


def register(_portal: Portal, view_of: ViewOf) -> None:
    """Register `/runs?state&job`."""

    @ui.page("/runs")
    async def runs(request: Request) -> None:
        with frame(await view_of(request), title=say("Runs"), active="runs"):
            with head(say("Runs"), sub=say("Newest first")):
                pass
            RunsTable()
