"""Behind the guard: nobody gets in who is not known, and everything behind it can ask who that is.

Pure ASGI, for http and for websockets. What is open is named by its whole path, or lies in a folder of
files that every portal has; never by how a path ends.
"""

import asyncio
import posixpath
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import msgspec
import nicegui
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.ui.access import Origin, acting
from services.ui.access.access import Access, Shown
from services.ui.access.cookies import cookie_name, session_in
from services.ui.access.presence import Credential, Socket
from services.ui.place import Place
from shared.db.engine import LOCKED_OR_DOWN
from shared.domain.access import Who

OPEN: Final = frozenset({"/login", "/setup", "/join", "/healthz", "/readyz"})
_FILES: Final = (
    *("/static/", "/joined/", "/words/"),
    *(f"/_nicegui/{nicegui.__version__}/{kind}/" for kind in ("static", "libraries", "components", "esm")),
)
"""What is the same in every portal of this version."""
_MACHINES: Final = ("/api/", "/_nicegui_ws/")
SIGNED_OUT: Final = 4401
"""Why a socket is closed by us: its page is to be loaded anew."""
_GONE: Final = {"type": "websocket.disconnect", "code": SIGNED_OUT, "reason": "signed out"}


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets in who is known, and whoever asks for what is open; `app` is what lies behind."""

    app: ASGIApp
    access: Access
    place: Place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in {"http", "websocket"} or _is_file(scope):
            await self.app(scope, receive, send)
            return
        shown, from_ = self._shown(scope)
        is_open = scope["type"] == "http" and scope["path"] in OPEN
        try:
            found = await self.access.known(shown)
        except LOCKED_OR_DOWN:
            if not is_open:
                await _refuse(scope, send, HTTPStatus.SERVICE_UNAVAILABLE, _DOWN)
                return
            found = None
        if found is None and not is_open:
            await _turn_away(scope, send)
            return
        with acting(None if found is None else found[1], from_):
            if found is None:
                await self.app(scope, receive, send)
                return
            await self.access.seen(found[0])
            if scope["type"] == "http":
                await self.app(scope, receive, send)
            else:
                await self._watched(scope, receive, send, found)

    def _shown(self, scope: Scope) -> tuple[Shown, Origin]:
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        peer = (scope.get("client") or ("",))[0]
        address = self.place.address(peer, headers.get("x-forwarded-for", ()))
        host = headers.get("host", [""])[0]
        name = cookie_name(host, secure=self.place.is_public(host))
        kind, _, secret = " ".join(headers.get("authorization", [])).partition(" ")
        shown = Shown(
            session=session_in(";".join(headers.get("cookie", ())), name),
            bearer=secret.strip() if kind.lower() == "bearer" else None,
            address=address,
        )
        return shown, Origin(address=address, agent=headers.get("user-agent", [""])[0][:200])

    async def _watched(
        self, scope: Scope, receive: Receive, send: Send, found: tuple[Credential, Who]
    ) -> None:
        """Serve a socket until it ends, or until whose it is may not have it any more."""
        with self.access.presence.opened(*found) as socket:
            async with asyncio.TaskGroup() as group:
                ending = group.create_task(_end(socket, send))
                try:
                    await self.app(scope, _until_ended(socket, receive), _while_open(socket, send))
                finally:
                    ending.cancel()


async def _end(socket: Socket, send: Send) -> None:
    await socket.ended.wait()
    with suppress(RuntimeError):  # it was closed at the same moment
        await send({"type": "websocket.close", "code": SIGNED_OUT, "reason": "signed out"})


def _until_ended(socket: Socket, receive: Receive) -> Callable[[], Awaitable[Message]]:
    async def heard() -> Message:
        message = await receive()
        # What was said before it was closed is not done any more either.
        return dict(_GONE) if socket.ended.is_set() and message["type"] == "websocket.receive" else message

    return heard


def _while_open(socket: Socket, send: Send) -> Send:
    async def said(message: Message) -> None:
        if not socket.ended.is_set():
            await send(message)

    return said


def _is_file(scope: Scope) -> bool:
    path: str = scope["path"]
    return scope["type"] == "http" and path.startswith(_FILES) and posixpath.normpath(path) == path


_DOWN: Final = "The database does not answer. Try again in a moment."
_UNKNOWN: Final = "Sign in first, or give a token: Authorization: Bearer jtp_..."


async def _turn_away(scope: Scope, send: Send) -> None:
    """Answer somebody who is not known: people are shown where to sign in."""
    path = scope["path"]
    is_page = scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}
    if not is_page or path.startswith(_MACHINES):
        await _refuse(scope, send, HTTPStatus.UNAUTHORIZED, _UNKNOWN)
        return
    query = scope["query_string"].decode("latin-1")
    wanted = quote(path, safe="/") + (f"?{query}" if query else "")
    where = "/login" if wanted == "/" else f"/login?next={quote(wanted, safe='')}"
    headers = [(b"location", where.encode("latin-1")), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": HTTPStatus.SEE_OTHER.value, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(scope: Scope, send: Send, status: HTTPStatus, why: str) -> None:
    if scope["type"] == "websocket":
        # Closed before it was accepted: the server answers the handshake with 403.
        await send({"type": "websocket.close", "code": 1008, "reason": why})
        return
    body = msgspec.json.encode(
        {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": why}
    )
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if status is HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})
