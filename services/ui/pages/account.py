"""Oneself: who one is here, one's password, browsers and tokens."""

from fastapi import Request
from nicegui import ui

from services.ui.components.account_view import AccountView
from services.ui.components.frame import ViewOf, frame, head
from services.ui.portal import Portal
from services.ui.words import say


def register(_portal: Portal, view_of: ViewOf) -> None:
    """Register `/account`."""

    @ui.page("/account")
    async def account(request: Request) -> None:
        with frame(await view_of(request), title=say("Your account"), active="settings"):
            with head(say("Your account")):
                pass
            AccountView()
