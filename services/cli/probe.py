"""Asks a process whether it is ready, by address: `http://…/readyz`, `amqp://host:port`, `tcp://host:port`.

A probe is an address and not a function so that `portal status`, another process, asks the same.
"""

import asyncio
import http.client
import json
from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import urlsplit

_PROBE_BOUND_S = 2.0
_REQUEST_BOUND_S = 10.0
_AMQP_HEADER = b"AMQP\x00\x00\x09\x01"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `body` is what its JSON holds, or its text where it is no JSON."""

    status: int
    body: object


async def is_ready(address: str) -> bool:
    """Return whether what listens there says that it is ready; never raises, takes at most 2 s."""
    try:
        async with asyncio.timeout(_PROBE_BOUND_S):
            return await _ask(address)
    except (OSError, http.client.HTTPException, asyncio.IncompleteReadError):
        return False


async def request(method: str, url: str, *, body: object = None, authorization: str | None = None) -> Answer:
    """Send one HTTP request with this `Authorization` header. Raises OSError where nobody answers."""
    return await asyncio.to_thread(_request, method, url, body, authorization)


def basic(user: str, password: str) -> str:
    """Return the `Authorization` of a user with a password."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


async def _ask(address: str) -> bool:
    parts = urlsplit(address)
    if parts.scheme == "http":
        return (await request("GET", address)).status == http.client.OK
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        if parts.scheme == "tcp":
            return True
        # A node accepts connections before it can serve; only its Connection.Start frame (type 1) counts.
        writer.write(_AMQP_HEADER)
        return await reader.readexactly(1) == b"\x01"
    finally:
        writer.close()


def _request(method: str, url: str, body: object, authorization: str | None) -> Answer:
    parts = urlsplit(url)
    headers = {"Content-Type": "application/json"}
    if authorization is not None:
        headers["Authorization"] = authorization
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_REQUEST_BOUND_S)
    try:
        payload = None if body is None else json.dumps(body)
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), payload, headers)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    finally:
        connection.close()
    return Answer(answer.status, _parsed(text))


def _parsed(text: str) -> object:
    try:
        parsed: object = json.loads(text)
    except ValueError:
        return text
    return parsed
