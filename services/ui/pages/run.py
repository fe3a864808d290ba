"""One run: what happened when, and what it printed."""

from uuid import UUID

from fastapi import Request
from nicegui import ui

from services.ui.components.frame import ViewOf, frame
from services.ui.components.log_view import LogView
from services.ui.components.missing import draw_missing
from services.ui.components.run_view import RunView
from services.ui.portal import Portal
from services.ui.words import say
from shared.domain.errors import NotFound
from shared.domain.ids import RunId


def register(portal: Portal, view_of: ViewOf) -> None:
    """Register `/runs/{id}#L12-L40`."""

    @ui.page("/runs/{run_id:uuid}")
    async def run(request: Request, run_id: UUID) -> None:
        view = await view_of(request)
        try:
            detail = await portal.queries.run(RunId(run_id))
        except NotFound:
            sentence = say("There is no such run. Old runs leave the ledger after a while.")
            draw_missing(view, sentence, active="runs")
            return
        number = f"#{detail.number}" if detail.number else say("(requested)")
        with frame(view, title=say("Run {0} of {1}").format(number, detail.job_name), active="runs"):
            RunView(detail)
            LogView(detail)
