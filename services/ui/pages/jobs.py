"""The list of jobs."""

from fastapi import Request
from nicegui import ui

from services.ui.components.frame import ViewOf, frame, head, link_button
from services.ui.components.jobs_table import JobsTable
from services.ui.portal import Portal
from services.ui.words import say
from shared.domain.access import Role


def register(_portal: Portal, view_of: ViewOf) -> None:
    """Register `/jobs?q&state&sort&after`."""

    @ui.page("/jobs")
    async def jobs(request: Request) -> None:
        view = await view_of(request)
        with frame(view, title=say("Jobs"), active="jobs"):
            with head(say("Jobs")):
                if view.who is not None and view.who.may_somewhere(Role.EDITOR):
                    link_button(say("New job"), "/jobs/new", main=True)
            JobsTable()
