"""One open stream: what it watches, and what waits to be sent to it."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from shared.domain.ids import AttemptId, RunId

QUEUED = 64
"""Messages that may wait for a slow socket."""
QUEUED_CHARS = 256_000
"""What they may hold together, but for a single one and for logs, of which none is read before its time."""
_ENCODER = msgspec.json.Encoder()


@dataclass(slots=True, kw_only=True, eq=False)
class Tail:
    """How far one stream has read the log of one run."""

    run_id: RunId
    attempt_id: AttemptId | None
    seq: int
    hole_since: float | None = None
    """Monotonic: since when the next chunk is missing though a later one is stored."""
    pending: bool = True
    """There may be something to read."""
    fresh: bool = True
    """Just subscribed: which attempt is the newest is not known yet."""


@dataclass(slots=True, eq=False)
class Subscriber:
    """A bounded queue of encoded messages with the topics that feed it."""

    topics: set[str] = field(default_factory=set)
    tails: dict[RunId, Tail] = field(default_factory=dict)
    knows_health: bool = False
    _queue: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(QUEUED))
    _missed: set[str] = field(default_factory=set)
    _waiting: int = 0
    """Characters in the queue."""

    def offer(self, topic: str, payload: str) -> None:
        """Queue a message; when the socket does not keep up, drop it and remember to say so."""
        if topic not in self._missed and not self._queued(payload, is_log=topic.startswith("log:")):
            self._missed.add(topic)

    def answer(self, payload: str, *, otherwise: Iterable[str] = ()) -> None:
        """Queue an answer; where it has no place, these topics are to be loaded again."""
        if not self._queued(payload, is_log=False):
            self._missed.update(otherwise)

    def _queued(self, payload: str, *, is_log: bool) -> bool:
        too_much = self._waiting > 0 and self._waiting + len(payload) > QUEUED_CHARS
        if self._queue.full() or (too_much and not is_log):
            return False
        self._waiting += len(payload)
        self._queue.put_nowait(payload)
        return True

    def forget(self, topic: str) -> None:
        """Stop watching this topic."""
        self.topics.discard(topic)
        self.tails = {run_id: tail for run_id, tail in self.tails.items() if f"log:{run_id}" != topic}

    def resync(self, topic: str) -> None:
        """Tell the socket to load this topic again."""
        self.offer(topic, _resync(topic))

    @property
    def idle(self) -> bool:
        """Say whether everything was sent: only then is more of a log read for it."""
        return self._queue.empty()

    async def next(self) -> str:
        """Wait for the next message to send."""
        if self._queue.empty() and self._missed:
            topic = self._missed.pop()
            if topic == "health":
                self.knows_health = False  # it is told by the stream alone
            return _resync(topic)
        payload = await self._queue.get()
        self._waiting -= len(payload)
        return payload


def _resync(topic: str) -> str:
    return _ENCODER.encode({"resync": topic}).decode()
