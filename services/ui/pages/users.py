"""Who may sign in, and what each may do; for admins."""

from fastapi import Request
from nicegui import ui

from services.ui.components.frame import ViewOf, box, frame, head, link_button, text
from services.ui.components.users_view import UsersView
from services.ui.portal import Portal
from services.ui.words import say
from shared.domain.access import Role


def register(portal: Portal, view_of: ViewOf) -> None:
    """Register `/users`."""

    @ui.page("/users")
    async def users(request: Request) -> None:
        view = await view_of(request)
        may = view.who is not None and view.who.may(Role.ADMIN)
        admins = [] if may else await portal.users.admins()
        with frame(view, title=say("Users"), active="settings"):
            if may:
                UsersView()
            else:
                _draw_whom_to_ask(admins)


def _draw_whom_to_ask(admins: list[str]) -> None:
    with head(say("Users")):
        pass
    with box("jp-card"), box("jp-empty"):
        text(say("Only admins see and change users"), tag="h2")
        if admins:
            text(say("Admins of this portal: {0}. Ask one of them.").format(", ".join(admins)), tag="p")
        with box("jp-empty__do"):
            link_button(say("Your account"), "/account")
