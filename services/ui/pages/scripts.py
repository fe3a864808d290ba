"""What is in the scripts directory, and which jobs run it."""

from fastapi import Request
from nicegui import ui

from services.ui.components.frame import ViewOf, frame
from services.ui.components.scripts_view import ScriptsView
from services.ui.portal import Portal
from services.ui.words import say


def register(_portal: Portal, view_of: ViewOf) -> None:
    """Register `/scripts`; with `?name=` it shows one script."""

    @ui.page("/scripts")
    async def scripts(request: Request) -> None:
        name = request.query_params.get("name", "")
        with frame(await view_of(request), title=name or say("Scripts"), active="scripts"):
            ScriptsView(name)
