"""What people are told, and where."""

from fastapi import Request
from nicegui import ui

from services.ui.components.alerts_view import AlertsView
from services.ui.components.frame import ViewOf, frame
from services.ui.portal import Portal
from services.ui.words import say


def register(_portal: Portal, view_of: ViewOf) -> None:
    """Register `/alerts`."""

    @ui.page("/alerts")
    async def alerts(request: Request) -> None:
        with frame(await view_of(request), title=say("Alerts"), active="alerts"):
            AlertsView()
