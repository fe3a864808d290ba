"""Cuts what a script prints into chunks of text, in the order in which it was read. Pure."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from shared.messages.events import Stream

CHUNK_BYTES = 32_768
_MAX_JSON_BYTES = 100_000
"""A message's body holds 128 KiB; a control character takes six bytes of it."""
_CUTS_PER_FLUSH = 20
"""How often between two flushes a change of stream cuts a chunk: the order of lines on both streams is
kept at the pace of people, and a script that alternates bytes cannot make a message of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of one stream; `at` is when its first byte was read."""

    stream: Stream
    at: datetime
    text: str


@dataclass(slots=True)
class _Pending:
    decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )
    read_bytes: int = 0
    """Of the stream, in all."""
    held_bytes: int = 0
    text: str = ""
    at: datetime | None = None


class Chunker:
    """Both streams of one attempt. Call `flush` every 200 ms while `holds`, and `finish` once."""

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._streams = {stream: _Pending() for stream in Stream}
        self._kept = 0
        self._cuts = _CUTS_PER_FLUSH
        self._ends_line = True
        self.dropped_bytes = 0

    @property
    def holds(self) -> bool:
        """Say whether something waits for the next flush."""
        return any(pending.text for pending in self._streams.values())

    def printed_bytes(self, stream: Stream) -> int:
        """Return how many bytes were read from the stream, dropped ones included."""
        return self._streams[stream].read_bytes

    def keep_no_more(self) -> None:
        """Drop, and count, whatever comes from now on: there is no room to keep it."""
        self._max_bytes = min(self._max_bytes, self._kept)

    def take(self, stream: Stream, read: bytes, *, at: datetime) -> list[Chunk]:
        """Take what was read and return the chunks that are full."""
        mine = self._streams[stream]
        mine.read_bytes += len(read)
        kept = read[: max(0, self._max_bytes - self._kept)]
        self._kept += len(kept)
        self.dropped_bytes += len(read) - len(kept)
        ready = self._cut_others(stream) if kept else []
        while kept:
            room = CHUNK_BYTES - mine.held_bytes
            self._hold(mine, kept[:room], at)
            kept = kept[room:]
            if mine.held_bytes >= CHUNK_BYTES:
                ready += self._cut(stream)
        return ready

    def flush(self) -> list[Chunk]:
        """Return what waits, the older stream first."""
        self._cuts = _CUTS_PER_FLUSH
        waiting = [(pending.at, stream) for stream, pending in self._streams.items() if pending.at]
        return [chunk for _, stream in sorted(waiting) for chunk in self._cut(stream)]

    def finish(self, *, at: datetime) -> list[Chunk]:
        """Return the rest: half characters as U+FFFD, and last a line that says what was dropped."""
        for pending in self._streams.values():
            self._hold(pending, b"", at, final=True)
        ready = self.flush()
        if self.dropped_bytes:
            ready.append(Chunk(stream=Stream.STDERR, at=at, text=self._words_on_dropped()))
        return ready

    def _hold(self, pending: _Pending, read: bytes, at: datetime, *, final: bool = False) -> None:
        # NUL: PostgreSQL's text refuses it.
        text = pending.decoder.decode(read, final).replace("\x00", "\ufffd")
        pending.held_bytes += len(read)
        if text:
            pending.text += text
            pending.at = pending.at or at

    def _cut_others(self, stream: Stream) -> list[Chunk]:
        others = [other for other, pending in self._streams.items() if other is not stream and pending.text]
        if not others or not self._cuts:
            return []
        self._cuts -= 1
        return [chunk for other in others for chunk in self._cut(other)]

    def _cut(self, stream: Stream) -> list[Chunk]:
        pending = self._streams[stream]
        text, at = pending.text, pending.at
        pending.text, pending.at, pending.held_bytes = "", None, 0
        if at is None:
            return []
        self._ends_line = text.endswith("\n")
        return [Chunk(stream=stream, at=at, text=part) for part in _fitting(text)]

    def _words_on_dropped(self) -> str:
        start = "" if self._ends_line else "\n"
        return (
            f"{start}[{self.dropped_bytes:,} bytes were dropped: "
            f"only the first {self._kept:,} bytes of this run's output are kept]\n"
        )


def _fitting(text: str) -> Iterator[str]:
    if len(msgspec.json.encode(text)) <= _MAX_JSON_BYTES:
        yield text
        return
    middle = len(text) // 2
    yield from _fitting(text[:middle])
    yield from _fitting(text[middle:])
