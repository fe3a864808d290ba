"""A health endpoint of a few lines for the services without a web stack: GET /readyz and /healthz."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

Facts = Callable[[], Mapping[str, object]]
"""Returns the facts to show; ready means that every value is truthy."""

_MAX_REQUEST = 8_192


@asynccontextmanager
async def endpoint(port: int, facts: Facts) -> AsyncIterator[None]:
    """Serve the facts on 127.0.0.1:`port` while inside; 0 serves nothing."""
    if port == 0:
        yield
        return

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(5):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(request, facts()))
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port, limit=_MAX_REQUEST)
    async with server:
        yield


def _response(request: bytes, facts: Mapping[str, object]) -> bytes:
    path = request.split(b" ", 2)[1:2]
    ready = all(facts.values())
    if path == [b"/healthz"]:
        status, body = "200 OK", json.dumps({"alive": True})
    elif path == [b"/readyz"]:
        status = "200 OK" if ready else "503 Service Unavailable"
        body = json.dumps({"ready": ready, "facts": dict(facts)})
    else:
        status, body = "404 Not Found", json.dumps({"error": "ask /readyz or /healthz"})
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body.encode())}\r\n"
    return (head + "connection: close\r\n\r\n" + body).encode()
