"""How one sees the portal, and how it was started."""

import asyncio

from fastapi import Request
from nicegui import ui

from services.ui.components.frame import ViewOf, frame, head, link_button
from services.ui.components.settings_view import Facts, SettingsView
from services.ui.portal import Portal
from services.ui.words import say
from shared.domain.access import Role
from shared.domain.job import DEFAULT_MAX_OUTPUT_BYTES


def register(portal: Portal, view_of: ViewOf) -> None:
    """Register `/settings`."""

    @ui.page("/settings")
    async def settings(request: Request) -> None:
        view = await view_of(request)
        with frame(view, title=say("Settings"), active="settings"):
            with head(say("Settings"), sub=say("How you see the portal, and how it was started")):
                if view.who is not None and view.who.may(Role.ADMIN):
                    link_button(say("Users"), "/users")
                link_button(say("Your account"), "/account")
            SettingsView(await _facts(portal))


async def _facts(portal: Portal) -> Facts:
    settings = portal.settings
    executors = await portal.queries.executors()
    return Facts(
        version=portal.version,
        database=settings.ledger_url.partition("+")[0].partition(":")[0],
        zone=settings.default_zone,
        scripts=str(settings.scripts_dir.absolute()),
        upload_bytes=await asyncio.to_thread(portal.uploads.room),
        extensions=(".py", ".sh", *sorted(settings.interpreters)),
        sandboxes=tuple(sorted({one.sandbox for one in executors if one.online})),
        max_output=DEFAULT_MAX_OUTPUT_BYTES,
        keep_bytes=settings.keep_bytes,
        host=f"{settings.ui_published or settings.ui_host}:{settings.ui_port}",
    )
