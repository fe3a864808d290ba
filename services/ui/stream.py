"""The WebSocket `/api/v1/stream`: live data for browsers and programs.

The client says `{"subscribe": [topics], "unsubscribe": [topics]}`; topics are `runs`, `jobs`,
`executors`, `health`, `run:<id>` and `log:<run id>`. The server says

- `{"hello": {"version": ..., "build": ...}}` first; another build than the page's: it is stale,
- `{"subscribed": [topics]}` when changes from now on will be sent: load what is shown after it,
- `{"seq": n, "topic": t, "items": [...]}` for changes, newest per id; `seq` only grows over the socket,
- `{"resync": topic}` when changes were dropped: load that topic again by REST,
- `{"error": ...}` for what it does not understand.

A log's items are chunks in order, each once: those stored after `after_seq` (with `attempt_id`: only if
that is still the run's newest attempt, else from the start), then what comes. No duplicates have to be
removed. `{"ping": n}` is answered by `{"pong": n}`.
"""

import asyncio
from typing import Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from services.ui.live import Subscriber
from services.ui.live.subscriber import Tail
from services.ui.portal import Portal
from shared.domain.ids import AttemptId, RunId

_PLAIN = frozenset({"runs", "jobs", "executors", "health"})
MAX_TOPICS = 200
MAX_LOGS = 8
_MAX_SEQ = 2**31 - 1
_TEXT_ONLY = 1003


class Ask(msgspec.Struct, frozen=True):
    """What a client may say."""

    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    after_seq: int = 0
    """For the logs in `subscribe`: the last chunk that the client has."""
    attempt_id: UUID | None = None
    """Whose chunk that is."""
    ping: int | None = None


def stream_router(portal: Portal) -> APIRouter:
    """Return the route of the stream."""
    router = APIRouter()

    @router.websocket("/api/v1/stream")
    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        with portal.live.subscriber() as subscriber:
            async with asyncio.TaskGroup() as group:
                sending = group.create_task(_send(socket, subscriber, portal))
                try:
                    await _receive(socket, subscriber, portal)
                finally:
                    sending.cancel()

    return router


async def _send(socket: WebSocket, subscriber: Subscriber, portal: Portal) -> None:
    try:
        await socket.send_text(_json({"hello": {"version": portal.version, "build": portal.build}}))
        while True:
            await socket.send_text(await subscriber.next())
    except (WebSocketDisconnect, RuntimeError, OSError):
        return  # gone: the receiving side hears it too and ends both


async def _receive(socket: WebSocket, subscriber: Subscriber, portal: Portal) -> None:
    while True:
        try:
            text = await socket.receive_text()
        except (WebSocketDisconnect, RuntimeError):
            return
        except KeyError:
            await socket.close(_TEXT_ONLY, "speak text")
            return
        try:
            ask = msgspec.json.decode(text, type=Ask)
            _obey(ask, subscriber, portal)
        except (msgspec.DecodeError, ValueError) as error:
            subscriber.answer(_json({"error": str(error)[:300]}))


def _obey(ask: Ask, subscriber: Subscriber, portal: Portal) -> None:
    for topic in ask.unsubscribe:
        subscriber.forget(topic)
    for topic in ask.subscribe:
        _subscribe(topic, ask, subscriber, portal)
    if ask.subscribe:
        subscriber.answer(_json({"subscribed": ask.subscribe}), otherwise=ask.subscribe)
    if ask.ping is not None:
        subscriber.answer(_json({"pong": ask.ping}))


def _subscribe(topic: str, ask: Ask, subscriber: Subscriber, portal: Portal) -> None:
    if len(subscriber.topics) >= MAX_TOPICS:
        raise ValueError(f"at most {MAX_TOPICS} topics on one socket")
    kind, _, run_id = topic.partition(":")
    if topic in _PLAIN:
        portal.live.subscribe(subscriber, topic)
    elif kind == "run":
        portal.live.subscribe(subscriber, f"run:{UUID(run_id)}")
    elif kind == "log":
        portal.live.subscribe(subscriber, f"log:{UUID(run_id)}", _tail(RunId(UUID(run_id)), ask, subscriber))
    else:
        raise ValueError(f"unknown topic {topic[:60]!r}")


def _tail(run_id: RunId, ask: Ask, subscriber: Subscriber) -> Tail:
    if run_id not in subscriber.tails and len(subscriber.tails) >= MAX_LOGS:
        raise ValueError(f"at most {MAX_LOGS} logs on one socket")
    if not 0 <= ask.after_seq <= _MAX_SEQ:
        raise ValueError("after_seq is no chunk's number")
    attempt_id = None if ask.attempt_id is None else AttemptId(ask.attempt_id)
    return Tail(run_id=run_id, attempt_id=attempt_id, seq=ask.after_seq, fresh=True)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
