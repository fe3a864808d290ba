"""The newest of what a script prints beyond its cap, for the end of its log. Pure."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.executor.masking import Read
from shared.messages.events import Stream

LARGEST = 256_000
"""Bytes, which are in memory, per run: some thousand lines, with the cause of most failures among them."""
_SHARE = 10
"""Of a small cap the beginning is worth more: the tail gets a tenth."""
_MOST_PIECES = 2_048
"""A piece costs some 300 bytes beside its text: a script that alternates bytes must not fill the memory."""
ONE_TIME = timedelta(milliseconds=200)
"""What is read within it has one time, that of its first byte."""


def reserve_of(max_bytes: int) -> int:
    """Return how many bytes of a cap are for the tail."""
    return min(LARGEST, max_bytes // _SHARE)


@dataclass(slots=True)
class Piece:
    """What one stream printed within `ONE_TIME`, its secrets masked; `printed`: how many bytes that were."""

    stream: Stream
    at: datetime
    text: bytearray
    printed: int


class Tail:
    """A ring: what is added pushes out the oldest, a whole piece at a time."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.piece_bytes = max(1, max_bytes // 16)
        """Add no more than this at once."""
        self._pieces: deque[Piece] = deque()
        self._printed = 0
        self.pushed_out = dict.fromkeys(Stream, 0)
        """How many printed bytes of each stream are gone."""

    def __iter__(self) -> Iterator[Piece]:
        """Go through what is left, the oldest first."""
        return iter(self._pieces)

    def add(self, stream: Stream, text: Read, *, printed: int, at: datetime) -> None:
        """Add what was read and masked."""
        newest = self._pieces[-1] if self._pieces else None
        if newest is not None and self._belongs(newest, stream, printed, at):
            newest.text += text
            newest.printed += printed
        else:
            self._pieces.append(Piece(stream, at, bytearray(text), printed))
        self._printed += printed
        while self._printed > self._max_bytes or len(self._pieces) > _MOST_PIECES:
            self._push_out()

    def clear(self) -> None:
        """Push out everything."""
        while self._pieces:
            self._push_out()

    def _belongs(self, newest: Piece, stream: Stream, printed: int, at: datetime) -> bool:
        fits = newest.printed + printed <= self.piece_bytes
        return fits and newest.stream is stream and at - newest.at < ONE_TIME

    def _push_out(self) -> None:
        oldest = self._pieces.popleft()
        self._printed -= oldest.printed
        self.pushed_out[oldest.stream] += oldest.printed
