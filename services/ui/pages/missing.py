"""What an address shows that leads nowhere, and a page that could not be built."""

from fastapi import Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse
from nicegui import Client, app, ui
from nicegui.page import page
from starlette.exceptions import HTTPException

from services.ui.components.frame import ViewOf
from services.ui.components.missing import draw_broken, draw_missing
from services.ui.portal import noted
from services.ui.words import say


def register(view_of: ViewOf) -> None:
    """Register the portal's own 404 and 500 pages."""

    @app.exception_handler(404)
    async def not_found(request: Request, error: Exception) -> Response:
        # NiceGUI is mounted at / and so answers for every address that nobody else knows.
        path = request.url.path
        if path.startswith("/api/"):
            detail = f"No such route: {path}"
            problem = {"type": "about:blank", "title": "Not Found", "status": 404, "detail": detail}
            return JSONResponse(problem, status_code=404, media_type="application/problem+json")
        if path.startswith(("/static/", "/_nicegui")) and isinstance(error, HTTPException):
            return await http_exception_handler(request, error)
        try:
            view = await view_of(request)
        except Exception as failure:  # noqa: BLE001 - whatever it is, a person is to see a page of ours
            with Client(page(""), request=request) as client:
                _draw_what_broke(failure)
            return client.build_response(request, 500)
        with Client(page(""), request=request) as client:
            draw_missing(view, say("Nothing is at this address. It may have been mistyped."))
        return client.build_response(request, 404)

    app.on_page_exception(_draw_what_broke)


def _draw_what_broke(error: Exception) -> None:
    path = ui.context.client.request.url.path
    ui.page_title(f"{say('Something went wrong')} · {say('Job Trigger Portal')}")
    draw_broken(noted(error, path))
