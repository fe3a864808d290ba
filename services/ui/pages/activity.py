"""Who did what."""

from fastapi import Request
from nicegui import ui

from services.ui.components.activity_list import ActivityList
from services.ui.components.frame import ViewOf, frame, head
from services.ui.portal import Portal
from services.ui.words import say


def register(_portal: Portal, view_of: ViewOf) -> None:
    """Register `/activity`; with `?job=` it is of one job."""

    @ui.page("/activity")
    async def activity(request: Request) -> None:
        with frame(await view_of(request), title=say("Activity"), active="activity"):
            with head(say("Activity"), sub=say("Who changed what, and when")):
                pass
            ActivityList()
