"""How a message leaves: a signed webhook by HTTP, everything else by Apprise in a thread of its own.

Whatever goes wrong is one short sentence without credentials: it is stored and shown.
"""

import asyncio
import base64
import hashlib
import hmac
import importlib
import json
import logging
import re
import threading
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, Final
from urllib.parse import unquote
from uuid import UUID

import httpx

from services.ui.notifications.phrases import Told
from shared.domain.alert import ChannelKind

LIMIT_S: Final = 30.0
"""No send takes longer, whatever the other side does."""
_HTTP_S = 10.0
_ZERO_WIDTH = "\u200b"
_MOST_SAID = 300


class Undelivered(Exception):  # noqa: N818 - what became of the message
    """It did not arrive, as far as we know; the message says why, and nothing secret."""


async def post(
    http: httpx.AsyncClient, address: str, *, key: str, told: Told, facts: Any, now: datetime
) -> None:
    """Send a signed webhook (standardwebhooks.com): the same `key` for the same content, whenever sent.

    Raises:
        Undelivered: it was not answered by a status of 200 to 299.
    """
    place = json.loads(address)
    body = json.dumps(
        {"type": "portal.alert", "id": key, "title": told.title, "text": told.body, "alerts": facts}
    ).encode()
    stamp = str(int(now.timestamp()))
    headers = {
        "content-type": "application/json",
        "user-agent": "job-trigger-portal",
        "webhook-id": key,
        "webhook-timestamp": stamp,
        "webhook-signature": signature(place["secret"], key, stamp, body),
    }
    try:
        async with (
            asyncio.timeout(_HTTP_S),
            http.stream("POST", place["url"], content=body, headers=headers) as answer,
        ):
            status = answer.status_code  # what it says besides is not read
    except TimeoutError:
        raise Undelivered(f"The receiver did not answer within {_HTTP_S:.0f} s.") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Undelivered(f"The receiver cannot be reached ({type(error).__name__}).") from None
    if not httpx.codes.is_success(status):
        raise Undelivered(f"The receiver answered with status {status}.")


def signature(secret: str, key: str, stamp: str, body: bytes) -> str:
    """Return the signature of a webhook: HMAC-SHA256 over id, time and body."""
    signed = b".".join((key.encode(), stamp.encode(), body))
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


@cache
def _apprise() -> Any:
    # Imported when the first message leaves: its 160 services take a second and 40 MB.
    library = importlib.import_module("apprise")
    logger = logging.getLogger("apprise")
    logger.propagate = False  # its words may hold addresses
    logger.setLevel(logging.WARNING)
    logger.addHandler(_Words())
    return library


_said = threading.local()


class _Words(logging.Handler):
    """Keeps the last warning of each thread, for whoever sends there."""

    def emit(self, record: logging.LogRecord) -> None:
        _said.last = record.getMessage()


def notify(kind: ChannelKind, address: str, told: Told) -> None:
    """Send by Apprise; call it in a thread that may be left behind.

    Raises:
        Undelivered: the service did not take it.
    """
    library = _apprise()
    _said.last = ""
    # In memory: nothing of what services are told is kept in files.
    asset = library.AppriseAsset(
        app_id="Job Trigger Portal",
        app_desc="Job Trigger Portal",
        app_url="",
        storage_mode=library.PersistentStoreMode.MEMORY,
        plugin_paths=[],
        async_mode=False,
        secure_logging=True,
    )
    outbox = library.Apprise(asset=asset)
    if not outbox.add(address):
        raise Undelivered(_because("The address is not complete.", address))
    is_mail = kind is ChannelKind.MAIL
    sent = outbox.notify(
        title=told.title if is_mail else _unaddressed(told.title),
        body=told.body if is_mail else _unaddressed(told.body),
        body_format=library.NotifyFormat.TEXT,
    )
    if not sent:
        raise Undelivered(_because("The service did not take it.", address))


def _unaddressed(text: str) -> str:
    """Keep what scripts print from calling people: @everyone is a word in chats."""
    return text.replace("@", f"@{_ZERO_WIDTH}")


def _because(sentence: str, address: str) -> str:
    return f"{sentence} {without(_said.last, address)}".strip()[:_MOST_SAID]


def without(text: str, address: str) -> str:
    """Return the text without whatever part of the address stands in it, from four characters on."""
    clear = unquote(address)
    parts = {part for part in re.split(r"[:/?&=@,\s]+", f"{address} {clear}") if len(part) > 3}  # noqa: PLR2004
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, "•••")
    return " ".join(text.split())


def _failure_of(call: Callable[[], None]) -> Undelivered | None:
    try:
        call()
    except Undelivered as refused:
        return refused
    except Exception as unexpected:  # noqa: BLE001 - a service's plugin may raise anything
        return Undelivered(f"The service's part of Apprise failed ({type(unexpected).__name__}).")
    return None


async def in_thread(call: Callable[[], None], *, on_end: Callable[[], None]) -> None:
    """Await the call in a thread of its own for 30 s; whenever it ends, `on_end` is called on the loop.

    A thread cannot be ended: one that hangs is left behind, and ends with the process at the latest.

    Raises:
        Undelivered: it took too long, or said so.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def settle(error: Undelivered | None) -> None:
        on_end()
        if future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    def body() -> None:
        error = _failure_of(call)
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=body, name="alert", daemon=True).start()
    try:
        async with asyncio.timeout(LIMIT_S):
            await future
    except TimeoutError:
        raise Undelivered(f"The service did not answer within {LIMIT_S:.0f} s.") from None


def fact(
    title: str, text: str, at: datetime, run_id: UUID | None, job_id: UUID | None
) -> dict[str, str | None]:
    """Return one thing that a webhook tells, for programs."""
    return {
        "title": title,
        "text": text,
        "at": at.isoformat(),
        "run_id": None if run_id is None else str(run_id),
        "job_id": None if job_id is None else str(job_id),
    }
