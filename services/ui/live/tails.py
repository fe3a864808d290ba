"""Logs as they are stored, from each socket's cursor on: in order, each chunk once."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from services.ui.live.subscriber import Subscriber, Tail
from services.ui.models import LogChunk
from shared.domain.ids import AttemptId, RunId
from shared.runtime.clock import Clock

CHUNKS = 32
"""Read at a time: at most 1 MB for each socket that is behind."""
HOLE_S = 5.0
"""A missing chunk is waited for so long: output may be delivered out of order."""

Send: TypeAlias = Callable[[str, Sequence[object], Iterable[Subscriber]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSources:
    """Where tails read: the newest attempt of a run, and chunks after one, at most so many."""

    newest_attempt: Callable[[RunId], Awaitable[AttemptId | None]]
    chunks: Callable[[AttemptId, int, int], Awaitable[Sequence[LogChunk]]]


class Tails:
    """Reads for all cursors that stand at the same place at once."""

    def __init__(self, clock: Clock, sources: LogSources) -> None:
        self._clock = clock
        self._sources = sources
        self._stored: set[AttemptId] = set()

    def stored(self, attempts: Iterable[AttemptId]) -> None:
        """Remember until the next flush that output of these attempts was stored."""
        self._stored.update(attempts)

    async def flush(self, subscribers: Iterable[Subscriber], changed: Collection[RunId], send: Send) -> bool:
        """Send what is stored and not sent yet; True when something is left to be read.

        `changed` are runs whose state changed: another attempt may have begun, or the last word on the
        log may have come.
        """
        stored, self._stored = self._stored, set()
        cursors: dict[tuple[RunId, AttemptId, int], list[tuple[Subscriber, Tail]]] = {}
        left = False
        for subscriber in subscribers:
            for tail in subscriber.tails.values():
                await self._freshen(tail, changed)
                tail.pending = tail.pending or tail.attempt_id in stored
                if not tail.pending or tail.attempt_id is None:
                    continue
                left = True
                if subscriber.idle:
                    key = (tail.run_id, tail.attempt_id, tail.seq)
                    cursors.setdefault(key, []).append((subscriber, tail))
        for (run_id, attempt_id, seq), readers in cursors.items():
            await self._read(run_id, attempt_id, seq, readers, send)
        return left

    async def _freshen(self, tail: Tail, changed: Collection[RunId]) -> None:
        if tail.attempt_id is not None and not tail.fresh and tail.run_id not in changed:
            return
        newest = await self._sources.newest_attempt(tail.run_id)
        if newest is not None and newest != tail.attempt_id:
            # Who brought no attempt speaks of the newest one; everybody else starts with it anew.
            keeps_place = tail.fresh and tail.attempt_id is None
            tail.seq = tail.seq if keeps_place else 0
            tail.attempt_id, tail.hole_since = newest, None
        tail.fresh = newest is None
        tail.pending = True

    async def _read(
        self,
        run_id: RunId,
        attempt_id: AttemptId,
        seq: int,
        readers: Sequence[tuple[Subscriber, Tail]],
        send: Send,
    ) -> None:
        chunks = await self._sources.chunks(attempt_id, seq, CHUNKS)
        tails = [tail for _, tail in readers]
        ready = _in_order(chunks, seq) or self._past_hole(chunks, tails)
        send(f"log:{run_id}", ready, [subscriber for subscriber, _ in readers])
        for tail in tails:
            if ready:
                tail.seq, tail.hole_since = ready[-1].seq, None
            tail.pending = len(chunks) == CHUNKS or len(ready) < len(chunks)

    def _past_hole(self, chunks: Sequence[LogChunk], tails: Sequence[Tail]) -> Sequence[LogChunk]:
        if not chunks:
            return ()
        now = self._clock.monotonic()
        for tail in tails:
            tail.hole_since = now if tail.hole_since is None else tail.hole_since
        waited = now - min(tail.hole_since or now for tail in tails)
        return () if waited < HOLE_S else _in_order(chunks, chunks[0].seq - 1)


def _in_order(chunks: Sequence[LogChunk], after: int) -> Sequence[LogChunk]:
    """Return the chunks up to the first that is missing."""
    for index, chunk in enumerate(chunks):
        if chunk.seq != after + 1 + index:
            return chunks[:index]
    return chunks
