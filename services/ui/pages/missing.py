"""What an address shows that leads nowhere, and a page that could not be built."""

from fastapi import Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse
from nicegui import Client, app, ui
from nicegui.page import page
from starlette.exceptions import HTTPException

from services.ui.components.frame import ViewOf
from services.ui.components.missing import draw_broken, draw_missing
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
        view = await view_of(request)
        with Client(page(""), request=request) as client:
            draw_missing(view, say("Nothing is at this address. It may have been mistyped."))
        return client.build_response(request, 404)

    @app.on_page_exception
    def broken(error: Exception) -> None:
        ui.page_title("Something went wrong · Job Trigger Portal")
        draw_broken(error)
