"""Cuts what a script prints into chunks of text, in the order in which it was read. Pure.

Up to the cap less a reserve it leaves as it comes. Beyond that only the newest is kept, as bytes, and
made into chunks at the end.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from services.executor.long_lines import LongLines
from services.executor.masking import Masker, Read, patterns_of
from services.executor.tail import ONE_TIME, Tail, reserve_of
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
    printed: int = 0
    """How many bytes the script printed for it; when a chunk was too large for a message, its last part has
    them all."""
    is_note: bool = False
    """Whether these are the portal's words and not the script's."""


@dataclass(slots=True)
class _Pending:
    masker: Masker
    decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )
    lines: LongLines = field(default_factory=LongLines)
    read_bytes: int = 0
    """Of the stream, in all."""
    refused_bytes: int = 0
    """Read when there was no room for anything any more."""
    printed: int = 0
    """How many bytes wait for their chunk."""
    text: str = ""
    at: datetime | None = None
    ends_line: bool = True


class Chunker:
    """Both streams of one attempt. Call `flush` every 200 ms while `holds`, and `finish` once."""

    def __init__(self, *, max_bytes: int, secrets: tuple[str, ...] = ()) -> None:
        patterns = patterns_of(secrets)
        self._streams = {stream: _Pending(Masker(patterns)) for stream in Stream}
        self._tail = Tail(reserve_of(max_bytes))
        self._head_left = max_bytes - reserve_of(max_bytes)
        self._cuts = _CUTS_PER_FLUSH
        self._is_closed = False

    @property
    def holds(self) -> bool:
        """Say whether something waits for the next flush."""
        return any(pending.text for pending in self._streams.values())

    @property
    def is_past_head(self) -> bool:
        """Say whether what comes now is kept only if it is among the last."""
        return self._is_closed or not self._head_left

    def printed_bytes(self, stream: Stream) -> int:
        """Return how many bytes were read from the stream, dropped ones included."""
        return self._streams[stream].read_bytes

    def dropped_bytes(self, stream: Stream) -> int:
        """Return how many of them are in no chunk and will be in none."""
        return self._streams[stream].refused_bytes + self._tail.pushed_out[stream]

    def keep_no_more(self) -> None:
        """Drop, and count, the tail and whatever comes from now on: there is no room to keep it."""
        self._is_closed = True
        self._tail.clear()

    def take(self, stream: Stream, read: Read, *, at: datetime) -> list[Chunk]:
        """Take what was read and return the chunks that are full."""
        mine = self._streams[stream]
        mine.read_bytes += len(read)
        if self._is_closed:
            mine.refused_bytes += len(read)
            return []
        head, rest = read[: self._head_left], read[self._head_left :]
        self._head_left -= len(head)
        ready = self._to_head(stream, head, at)
        size = self._tail.piece_bytes
        for start in range(0, len(rest), size):
            masked, printed = self._masked(stream, rest[start : start + size])
            self._tail.add(stream, masked, printed=printed, at=at)
        return ready

    def flush(self) -> list[Chunk]:
        """Return what waits, the older stream first."""
        self._cuts = _CUTS_PER_FLUSH
        waiting = [(pending.at, stream) for stream, pending in self._streams.items() if pending.at]
        return [chunk for _, stream in sorted(waiting) for chunk in self._cut(stream)]

    def finish(self, *, at: datetime) -> list[Chunk]:
        """Return the rest: in each stream a line where bytes were dropped, half characters as U+FFFD."""
        ready = [chunk for stream in Stream for chunk in self._end_masking(stream, at)]
        ready += self._seam(at) + self._of_tail()
        for stream in Stream:
            self._decode(stream, b"", at, final=True)
        return ready + self.flush()

    def _to_head(self, stream: Stream, head: Read, at: datetime) -> list[Chunk]:
        ready = list[Chunk]()
        while head:
            room = CHUNK_BYTES - self._streams[stream].printed % CHUNK_BYTES
            ready += self._hold(stream, self._masked(stream, head[:room]), at)
            head = head[room:]
        return ready

    def _masked(self, stream: Stream, read: Read) -> tuple[Read, int]:
        """Return the text that is decided and how many printed bytes it stands for."""
        masker = self._streams[stream].masker
        waiting = masker.held_bytes + len(read)
        masked = masker.take(read)
        return masked, waiting - masker.held_bytes

    def _end_masking(self, stream: Stream, at: datetime) -> list[Chunk]:
        masker = self._streams[stream].masker
        printed, rest = masker.held_bytes, masker.finish()
        if self._head_left:
            return self._hold(stream, (rest, printed), at)
        if printed:
            self._tail.add(stream, rest, printed=printed, at=at)
        return []

    def _seam(self, at: datetime) -> list[Chunk]:
        """Return what is before the gap, and a line for each stream that has one."""
        gaps = [stream for stream in Stream if self.dropped_bytes(stream)]
        for stream in gaps:
            self._decode(stream, b"", at, final=True)
        ready = self.flush() if gaps else []
        at = next((piece.at for piece in self._tail), at)
        for stream in gaps:
            pending = self._streams[stream]
            start = "" if pending.ends_line else "\n"
            words = f"{start}[... {self.dropped_bytes(stream):,} bytes dropped ...]\n"
            ready.append(Chunk(stream=stream, at=at, text=words))
            pending.lines.begin_line()
        return ready

    def _of_tail(self) -> list[Chunk]:
        ready, began = list[Chunk](), None
        for piece in self._tail:
            if began is None or piece.at - began >= ONE_TIME:
                ready += self.flush()
                began = piece.at
            ready += self._hold(piece.stream, (piece.text, piece.printed), piece.at)
        return ready

    def _hold(self, stream: Stream, masked: tuple[Read, int], at: datetime) -> list[Chunk]:
        text, printed = masked
        ready = self._cut_others(stream) if text else []
        self._decode(stream, text, at)
        self._streams[stream].printed += printed
        if self._streams[stream].printed >= CHUNK_BYTES:
            ready += self._cut(stream)
        return ready

    def _decode(self, stream: Stream, read: Read, at: datetime, *, final: bool = False) -> None:
        pending = self._streams[stream]
        # NUL: PostgreSQL's text refuses it.
        text = pending.decoder.decode(read, final).replace("\x00", "\ufffd")
        if text:
            pending.text += pending.lines.cut(text)
            pending.at = pending.at or at

    def _cut_others(self, stream: Stream) -> list[Chunk]:
        others = [other for other, pending in self._streams.items() if other is not stream and pending.text]
        if not others or not self._cuts:
            return []
        self._cuts -= 1
        return [chunk for other in others for chunk in self._cut(other)]

    def _cut(self, stream: Stream) -> list[Chunk]:
        pending = self._streams[stream]
        text, at, printed = pending.text, pending.at, pending.printed
        if at is None:
            return []
        pending.text, pending.at, pending.printed = "", None, 0
        pending.ends_line = text.endswith("\n")
        *firsts, last = _fitting(text)
        return [
            *(Chunk(stream=stream, at=at, text=part) for part in firsts),
            Chunk(stream=stream, at=at, text=last, printed=printed),
        ]


def _fitting(text: str) -> Iterator[str]:
    if len(msgspec.json.encode(text)) <= _MAX_JSON_BYTES:
        yield text
        return
    middle = len(text) // 2
    yield from _fitting(text[:middle])
    yield from _fitting(text[middle:])
