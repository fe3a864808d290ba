"""The outermost layer of the web: who may speak to this server, and what browsers may do with its answers.

Pure ASGI, because Starlette's BaseHTTPMiddleware never sees websockets. The server answers to loopback
names and to its public one: a name that an attacker's DNS points here (DNS rebinding) is neither. A page
of another origin may neither open a socket nor send anything. Who speaks is asked behind it, in `gate.py`.
"""

import re
import secrets
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.ui.joined import lean_page
from services.ui.language import Language
from services.ui.place import Place
from services.ui.words import language_of, speak, spoken_page

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SCRIPT = re.compile(rb"<script(?=[\s>])", re.IGNORECASE)
_MAX_HTML = 5_000_000
# What is no document has no use for a policy, and a page has twenty of them.
_INERT = (b"text/javascript", b"application/javascript", b"text/css", b"font/")


class Guard:
    """Refuses foreign hosts and origins, and adds the security headers; `app` is what it guards."""

    def __init__(self, app: ASGIApp, place: Place | None = None) -> None:
        self.app = app
        self.place = place or Place()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        refusal = refused(scope, self.place)
        if refusal is not None:
            await _refuse(scope, send, refusal)
        elif scope["type"] == "websocket":
            await self.app(scope, receive, send)
        else:
            # What is drawn before anybody's preferences are known, the page of an error, speaks as asked.
            speak(language_of(Language.AUTO, _headers(scope["headers"]).get("accept-language", "")))
            await self.app(scope, receive, _Answer(send).send)


def refused(scope: Scope, place: Place) -> str | None:
    """Return why this connection is refused, or None."""
    headers = _headers(scope["headers"])
    host = headers.get("host", "")
    if not place.is_own(host):
        known = place.public_url or "http://127.0.0.1 or http://localhost"
        return f"This portal does not answer to this name: open it as {known}."
    origin = headers.get("origin")
    if origin is not None and origin.lower() not in place.origins(host):
        return "This request comes from a page of another origin."
    unsafe = scope["type"] == "websocket" or scope["method"] not in _SAFE
    if unsafe and headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        return "This request comes from a page of another site."
    return None


class _Answer:
    """One answer on its way out: headers for all, a nonce on every script of a page."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._nonce = secrets.token_urlsafe(16)
        self._start: Message | None = None
        self._page = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif message["type"] == "http.response.body" and self._start is not None:
            await self._collect(message)
        else:
            await self._send(message)

    async def _begin(self, message: Message) -> None:
        headers = list(message["headers"])
        headers += [(name, value) for name, value in _SECURITY if not _has(headers, name)]
        if not _value(headers, b"content-type").startswith(_INERT):
            headers.append((b"content-security-policy", _policy(self._nonce)))
        message = {**message, "headers": headers}
        if _value(headers, b"content-type").startswith(b"text/html"):
            self._start = message  # the length is not known before the nonces are in
        else:
            await self._send(message)

    async def _collect(self, message: Message) -> None:
        self._page += message.get("body", b"")
        if len(self._page) > _MAX_HTML:
            raise RuntimeError("a page is larger than 5 MB: stream such content as text, not as HTML")
        if message.get("more_body", False) or self._start is None:
            return
        page = spoken_page(lean_page(bytes(self._page)))
        body = _SCRIPT.sub(b'<script nonce="' + self._nonce.encode() + b'"', page)
        headers = [pair for pair in self._start["headers"] if pair[0].lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        start, self._start = {**self._start, "headers": headers}, None
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def _policy(nonce: str) -> bytes:
    # 'unsafe-eval': Vue compiles its templates in the browser. It never allows inline scripts.
    return (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
        "connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ).encode()


_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


async def _refuse(scope: Scope, send: Send, why: str) -> None:
    if scope["type"] == "websocket":
        # Closed before it was accepted: the server answers the handshake with 403.
        await send({"type": "websocket.close", "code": 1008, "reason": why})
        return
    body = b'{"type":"about:blank","title":"Forbidden","status":403,"detail":"' + why.encode() + b'"}'
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}


def _has(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bool:
    return any(key.lower() == name for key, _ in headers)


def _value(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes:
    return next((value for key, value in headers if key.lower() == name), b"")
