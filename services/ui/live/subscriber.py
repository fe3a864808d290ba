"""One open stream: what it watches, and what waits to be sent to it."""

import asyncio
from dataclasses import dataclass, field

import msgspec

from shared.domain.ids import AttemptId, RunId

QUEUED = 64
"""Messages that may wait for a slow socket; a message of states has at most some 20 KB."""
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

    def offer(self, topic: str, payload: str) -> None:
        """Queue a message; when the socket does not keep up, drop it and remember to say so."""
        if topic in self._missed:
            return
        try:
            self._queue.put_nowait(payload)
        except asyncio.QueueFull:
            self._missed.add(topic)

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
            return _resync(self._missed.pop())
        return await self._queue.get()


def _resync(topic: str) -> str:
    return _ENCODER.encode({"resync": topic}).decode()
