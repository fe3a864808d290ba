"""The secrets that scripts are given."""

from fastapi import Request
from nicegui import ui

from services.ui.components.frame import ViewOf, frame
from services.ui.components.secrets_view import SecretsView
from services.ui.portal import Portal
from services.ui.words import say


def register(_portal: Portal, view_of: ViewOf) -> None:
    """Register `/secrets`."""

    @ui.page("/secrets")
    async def secrets(request: Request) -> None:
        with frame(await view_of(request), title=say("Secrets"), active="secrets"):
            SecretsView()
