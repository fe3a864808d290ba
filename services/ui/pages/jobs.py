"""The list of jobs."""

from fastapi import Request
from nicegui import ui

from services.ui.components.frame import ViewOf, frame, head, link_button
from services.ui.components.jobs_table import JobsTable
from services.ui.portal import Portal
from services.ui.words import say


def register(_portal: Portal, view_of: ViewOf) -> None:
    """Register `/jobs?q&state&sort&after`."""

    @ui.page("/jobs")
    async def jobs(request: Request) -> None:
        with frame(await view_of(request), title=say("Jobs"), active="jobs"):
            with head(say("Jobs")):
                link_button(say("New job"), "/jobs/new", main=True)
            JobsTable()
