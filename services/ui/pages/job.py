"""One job: its state and rule, what can be done to it, its runs."""

import asyncio
from typing import Final
from uuid import UUID

from fastapi import Request
from nicegui import ui

from services.ui.components.frame import ViewOf, frame
from services.ui.components.job_alerts import JobAlerts
from services.ui.components.job_insights import JobInsights
from services.ui.components.job_versions import JobVersions
from services.ui.components.job_view import JobView
from services.ui.components.missing import draw_missing
from services.ui.components.runs_table import RunsTable
from services.ui.portal import Portal
from services.ui.queries.versions import ScriptNow
from services.ui.words import say
from shared.domain.errors import NotFound
from shared.domain.ids import JobId

_TABS = {"insights": JobInsights, "versions": JobVersions, "alerts": JobAlerts}
_PATIENCE_S: Final = 1.0


def register(portal: Portal, view_of: ViewOf) -> None:
    """Register `/jobs/{id}`."""

    @ui.page("/jobs/{job_id:uuid}")
    async def job(request: Request, job_id: UUID) -> None:
        view = await view_of(request)
        try:
            item = await portal.queries.job(JobId(job_id))
            around = await portal.queries.chain(JobId(job_id))
            why = await portal.queries.why(JobId(job_id), None)
            script = await script_in_time(portal, JobId(job_id))
        except NotFound:
            draw_missing(view, say("There is no such job. It may have been removed for good."), active="jobs")
            return
        with frame(view, title=item.name, active="jobs"):
            tab = request.query_params.get("tab", "")
            JobView(item, around, why, script, tab=tab if tab in _TABS else "runs")
            if tab in _TABS:
                _TABS[tab](item)
            else:
                RunsTable(job_id=job_id)


async def script_in_time(portal: Portal, job_id: JobId) -> ScriptNow | None:
    """Return how a job's script stands; None where its disk takes long, as one that hangs does.

    The page comes all the same and asks again: NiceGUI answers with an error what takes three seconds.
    """
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await portal.queries.script_of_job(job_id)
    except TimeoutError:
        return None
