"""One executor: whether it takes runs and why not, what it does now and did lately."""

from fastapi import Request
from nicegui import ui

from services.ui.components.executor_view import ExecutorView
from services.ui.components.frame import ViewOf, frame
from services.ui.components.missing import draw_missing
from services.ui.portal import Portal
from services.ui.words import say
from shared.domain.errors import NotFound


def register(portal: Portal, view_of: ViewOf) -> None:
    """Register `/executors/{name}`."""

    @ui.page("/executors/{name}")
    async def executor(request: Request, name: str) -> None:
        view = await view_of(request)
        try:
            detail = await portal.executors.named(name)
        except NotFound:
            sentence = say("There is no executor of this name. The page Executors lists those there are.")
            draw_missing(view, sentence, active="executors")
            return
        with frame(view, title=say("Executor {0}").format(detail.name), active="executors"):
            ExecutorView(detail)
