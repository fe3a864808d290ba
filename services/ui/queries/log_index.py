"""Which line begins in which chunk: read off what is stored, and remembered while the process lives.

Nothing of it is stored. Measured: a log of 15 MB (200,000 lines) is inflated and counted in 0.12 s, less than
what keeping the numbers right would cost the recorder, to which chunks come in any order and through several
replicas; and what was stored before this was written is read in the same way.
"""

import asyncio
import zlib
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from services.ui.lines import Group, Line, OpenLine, Place, Splitter
from shared.db import logs
from shared.db.engine import Sessions
from shared.db.logs import PackedChunk
from shared.domain.ids import AttemptId

BLOCK_LINES = 256
BLOCK_BYTES = 65_536
"""A place is noted after so much: what is read to show one line."""
ASKED_BYTES = 32_000_000
"""Looked at for one question, a quarter of a second: of a larger log the rest is looked at for the next."""
FAR = 8
"""A line that ends so many chunks after its begin is remembered, lest each of them be read for it."""
CUT = 16_384
"""Characters of a line that are kept here, sent and drawn unasked."""
_BATCH = 64
_MOST_FAR = 8_000_000
_MOST_INDEXES = 64
_MOST_PLACES = 100_000
_MOST_CHARACTERS = 32_000_000
_by_lines, _by_errors = attrgetter("lines"), attrgetter("errors")


class FarEnd(NamedTuple):
    """Where a line ends that many chunks lie in."""

    seq: int
    text: str
    """The first 16,384 characters; empty when there was no more room to keep them."""
    length: int


@dataclass(slots=True)
class LogIndex:
    """The places of one attempt's log as far as it was looked at."""

    attempt_id: AttemptId
    places: list[Place] = field(default_factory=lambda: [Place()])
    end: Place = field(default_factory=Place)
    """Up to where it has looked."""
    open: tuple[tuple[str, OpenLine], ...] = ()
    """The lines that had no end there, and their streams."""
    groups: tuple[Group, ...] = ()
    far: dict[int, FarEnd] = field(default_factory=dict)
    """Lines with far ends, by number; of their texts eight million characters."""
    chunks: int = 0
    whole: bool = False
    """Everything is in it that was stored when it was last extended."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _splitter: Splitter = field(default_factory=Splitter)
    _bytes: int = 0
    _taken: int = 0
    _far_size: int = 0

    @property
    def missing(self) -> int:
        """Return how many chunks were passed over because they are not stored."""
        return self.end.seq - self.chunks

    @property
    def characters(self) -> int:
        """Return how many characters of lines it keeps."""
        return self._far_size + sum(len(one.text) for _, one in self.open)

    def lacks(self, stored: int) -> bool:
        """Say whether something came that was passed over, if so many chunks are stored."""
        return self.whole and self.missing > 0 and stored != self.chunks

    def block_of(self, number: int, *, only_errors: bool) -> int:
        """Return the index of the place after which the line of this number, or rank, begins."""
        return bisect_right(self.places, number - 1, key=_by_errors if only_errors else _by_lines) - 1

    async def extend(self, sessions: Sessions, *, past_holes: bool) -> None:
        """Look at what was stored since, at most 32 MB; up to the first chunk that is missing, or past it."""
        async with self._lock:
            left = ASKED_BYTES
            self.whole = False
            while left > 0:
                async with sessions() as session:
                    found = await logs.packed_after(session, self.attempt_id, self.end.seq, limit=_BATCH)
                usable = found if past_holes else _in_order(found, self.end.seq)
                await asyncio.to_thread(self._take, usable)
                self._show()
                left -= sum(chunk.text_bytes for chunk in usable)
                if len(usable) < _BATCH:
                    self.whole = True
                    return

    def _show(self) -> None:
        """Let readers see what a thread has worked out meanwhile."""
        splitter = self._splitter
        self.end, self.groups = splitter.place, tuple(copy(group) for group in splitter.groups)
        self.open = tuple((stream, one.so_far()) for stream, one in splitter.open.items())
        self.chunks = self._taken

    def _take(self, chunks: Sequence[PackedChunk]) -> None:
        splitter = self._splitter
        for chunk in chunks:
            begun = splitter.lines - self.places[-1].lines
            if begun >= BLOCK_LINES or self._bytes >= BLOCK_BYTES:
                self.places.append(splitter.place)
                self._bytes = 0
            self._taken += 1
            self._bytes += chunk.text_bytes
            ended = splitter.skim(chunk.seq, chunk.stream, chunk.at, unpacked(chunk))
            if ended is not None and chunk.seq - ended.seq > FAR:
                text = ended.text.rstrip("\r")
                begin = text[:CUT] if self._far_size < _MOST_FAR else ""
                self.far[ended.number] = FarEnd(chunk.seq, begin, len(text))
                self._far_size += len(begin)

    async def block(self, sessions: Sessions, number: int) -> list[Line]:
        """Return the lines that begin after this place and before the next one, in order."""
        place = self.places[number]
        end = self.places[number + 1] if number + 1 < len(self.places) else self.end
        async with sessions() as session:
            chunks = await logs.packed_after(
                session, self.attempt_id, place.seq, limit=end.seq - place.seq + FAR
            )
        splitter, lines = Splitter.at(place), dict[int, Line]()
        for chunk in chunks:
            goes_on = any(self._is_sought(one, place, end) for one in splitter.open.values())
            if chunk.seq > self.end.seq or (chunk.seq > end.seq and not goes_on):
                break
            for line in splitter.split(chunk.seq, chunk.stream, chunk.at, unpacked(chunk)):
                lines[line.number] = line
        lines |= {line.number: line for line in self.completed(splitter.unended())}
        return [lines[one] for one in sorted(lines) if place.lines < one <= end.lines]

    def completed(self, lines: Iterable[Line]) -> Iterator[Line]:
        """Give lines whose ends were not read the text that is known of them."""
        begun = {one.number: one.text for _, one in self.open}
        for line in lines:
            far = self.far.get(line.number)
            known = begun.get(line.number) or (far and far.text) or line.text
            yield line._replace(text=known.rstrip("\r"))

    async def in_full(self, sessions: Sessions, line: Line) -> Line:
        """Return a line with its whole text: it is read where only the beginning of it is known."""
        if self.length_of(line) <= len(line.text):
            return line
        splitter = Splitter.at(self.places[self.block_of(line.number, only_errors=False)])
        end = self.far[line.number].seq
        while splitter.seq < end:
            async with sessions() as session:
                limit = min(_BATCH, end - splitter.seq)
                chunks = await logs.packed_after(session, self.attempt_id, splitter.seq, limit=limit)
            if not chunks:  # removed meanwhile
                return line
            found = await asyncio.to_thread(_found, line.number, splitter, chunks)
            if found is not None:
                return found
        return line

    def length_of(self, line: Line) -> int:
        """Return how many characters a line has, known here or not."""
        far = self.far.get(line.number)
        return len(line.text) if far is None else far.length

    def _is_sought(self, one: OpenLine, place: Place, end: Place) -> bool:
        """Say whether a line has to be read on for: it begins in the block, and nothing is known of it."""
        far = self.far.get(one.number)
        return place.lines < one.number <= end.lines and (far is None or not far.text)


class LogIndexes:
    """The indexes that were asked for last: at most 64; 100,000 places, 32 million characters together."""

    def __init__(self) -> None:
        self._known: OrderedDict[AttemptId, LogIndex] = OrderedDict()

    def known(self, attempt_id: AttemptId) -> LogIndex | None:
        """Return the index of an attempt if there is one, however old."""
        return self._known.get(attempt_id)

    def of(self, attempt_id: AttemptId, *, stored: int) -> LogIndex:
        """Return the index of an attempt of which so many chunks are stored; a new one where it is outdated.

        It is when there are fewer than it has seen, or when one came that it had passed over.
        """
        index = self._known.get(attempt_id)
        if index is None or stored < index.chunks or index.lacks(stored):
            index = LogIndex(attempt_id)
        self._known[attempt_id] = index
        self._known.move_to_end(attempt_id)
        while len(self._known) > 1 and self._are_too_many():
            self._known.popitem(last=False)
        return index

    def _are_too_many(self) -> bool:
        known = self._known.values()
        return (
            len(known) > _MOST_INDEXES
            or sum(len(index.places) for index in known) > _MOST_PLACES
            or sum(index.characters for index in known) > _MOST_CHARACTERS
        )


def unpacked(chunk: PackedChunk) -> str:
    """Return a chunk's text."""
    return zlib.decompress(chunk.body).decode("utf-8", "replace")


def _found(number: int, splitter: Splitter, chunks: Sequence[PackedChunk]) -> Line | None:
    """Read on and return the line with this number, if it ends here."""
    for chunk in chunks:
        for line in splitter.split(chunk.seq, chunk.stream, chunk.at, unpacked(chunk)):
            if line.number == number:
                return line
    return None


def _in_order(chunks: Sequence[PackedChunk], after: int) -> Sequence[PackedChunk]:
    """Return the chunks up to the first that is missing."""
    for index, chunk in enumerate(chunks):
        if chunk.seq != after + 1 + index:
            return chunks[:index]
    return chunks
