"""Scripts, styles and fonts: compressed once and as small as it gets, instead of at each request.

Their addresses name their version, so that what is kept here never changes.
"""

import asyncio
import gzip
import hashlib
import posixpath
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_WHERE = ("/_nicegui/", "/static/", "/joined/", "/words/")
_MOST_BYTES = 2_000_000
_YEAR = "max-age=31536000"
# What asks for less than the whole is answered as ever.
_SPECIAL = frozenset({b"if-none-match", b"if-modified-since", b"range"})


@dataclass(frozen=True, slots=True)
class _Pressed:
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Assets:
    """Answers for assets of `app` from memory; of what exists, under its one address, at most 2 MB each."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._kept: dict[tuple[str, bytes], _Pressed] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if not _asks_for_an_asset(scope):
            await self.app(scope, receive, send)
            return
        key = (scope["path"], scope["query_string"])
        pressed = self._kept.get(key)
        if pressed is None:
            plain = [pair for pair in scope["headers"] if pair[0].lower() != b"accept-encoding"]
            answer = _Answer()
            await self.app({**scope, "headers": plain}, receive, answer.send)
            pressed = await asyncio.to_thread(answer.pressed) if answer.is_at_home(*key) else None
            if pressed is None:
                for message in answer.messages:
                    await send(message)
                return
            self._kept[key] = pressed
        await send({"type": "http.response.start", "status": 200, "headers": list(pressed.headers)})
        await send({"type": "http.response.body", "body": pressed.body})


class _Answer:
    """What the app said, held back."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def send(self, message: Message) -> None:
        self.messages.append(message)

    def is_at_home(self, path: str, query: bytes) -> bool:
        """Say whether this is its one address: others can be made up without end, and are not kept."""
        digest = hashlib.sha256(self._body()).hexdigest()[:12]
        return path == posixpath.normpath(path) and query in {b"", f"v={digest}".encode()}

    def _body(self) -> bytes:
        return b"".join(part.get("body", b"") for part in self.messages[1:])

    def pressed(self) -> _Pressed | None:
        """Return it compressed; None where it may change, is large, or gains nothing."""
        start, body = self.messages[0], self._body()
        headers = MutableHeaders(raw=list(start["headers"]))
        if start["status"] != 200 or _YEAR not in headers.get("cache-control", "") or len(body) > _MOST_BYTES:  # noqa: PLR2004
            return None
        small = gzip.compress(body, 9, mtime=0)
        if len(small) > 0.9 * len(body):
            return None
        headers["content-encoding"] = "gzip"
        headers["content-length"] = str(len(small))
        headers.add_vary_header("Accept-Encoding")
        return _Pressed(headers.raw, small)


def _asks_for_an_asset(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(_WHERE):
        return False
    headers = Headers(scope=scope)
    return "gzip" in headers.get("accept-encoding", "") and not any(
        name in _SPECIAL for name, _ in scope["headers"]
    )
