"""Make a job or change one."""

from uuid import UUID

from fastapi import Request
from nicegui import ui

from services.ui.components.frame import ViewOf, crumbs, frame, head
from services.ui.components.job_editor import JobEditor
from services.ui.components.missing import draw_missing
from services.ui.portal import Portal
from services.ui.words import say
from shared.domain.errors import NotFound
from shared.domain.ids import JobId


def register(portal: Portal, view_of: ViewOf) -> None:
    """Register `/jobs/new` and `/jobs/{id}/edit`."""

    @ui.page("/jobs/new")
    async def new(request: Request) -> None:
        with frame(await view_of(request), title=say("New job"), active="jobs"):
            crumbs((say("Jobs"), "/jobs"))
            with head(say("New job")):
                pass
            JobEditor(None)

    @ui.page("/jobs/{job_id:uuid}/edit")
    async def edit(request: Request, job_id: UUID) -> None:
        view = await view_of(request)
        try:
            item = await portal.queries.job(JobId(job_id))
        except NotFound:
            draw_missing(view, say("There is no such job, so there is nothing to edit."), active="jobs")
            return
        with frame(view, title=say("Edit {0}").format(item.name), active="jobs"):
            crumbs((say("Jobs"), "/jobs"), (item.name, f"/jobs/{job_id}"))
            with head(say("Edit {0}").format(item.name)):
                pass
            JobEditor(item)
