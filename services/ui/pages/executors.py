"""Which executors there are, how busy, and how long ago each was heard."""

from fastapi import Request
from nicegui import ui

from services.ui.components.executors_table import ExecutorsTable
from services.ui.components.frame import ViewOf, frame, head
from services.ui.portal import Portal
from services.ui.words import say


def register(_portal: Portal, view_of: ViewOf) -> None:
    """Register `/executors`."""

    @ui.page("/executors")
    async def executors(request: Request) -> None:
        with frame(await view_of(request), title=say("Executors"), active="executors"):
            with head(say("Executors"), sub=say("The processes that run scripts")):
                pass
            ExecutorsTable()
