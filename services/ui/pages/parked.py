"""Messages that nobody could handle: why, and what to do with each."""

from fastapi import Request
from nicegui import ui

from services.ui.components.frame import ViewOf, crumbs, frame, head
from services.ui.components.parked_list import ParkedList
from services.ui.portal import Portal
from services.ui.words import say


def register(_portal: Portal, view_of: ViewOf) -> None:
    """Register `/parked`."""

    @ui.page("/parked")
    async def parked(request: Request) -> None:
        with frame(await view_of(request), title=say("Parked messages"), active="executors"):
            crumbs((say("Executors"), "/executors"))
            with head(say("Parked messages"), sub=say("What a service could not understand or handle")):
                pass
            ParkedList()
