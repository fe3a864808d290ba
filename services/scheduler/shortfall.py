"""Notices queues that hold fewer messages than runs wait for: the broker lost some, or somebody purged.

A run whose message is lost waits behind nothing, though the queue is not empty. How many messages were
lost cannot be asked of the broker; that some were follows from numbers. What is said again then is said
for all that waits: whoever gets the second copy of a message loses its claim.
"""

from dataclasses import dataclass

_FOR_S = 5.0
"""A shortfall that is still there after this is none of a moment, as while a batch is on its way."""
_EVERY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What one look at a queue shows."""

    waiting: int
    """Attempts that the broker confirmed and nobody has claimed."""
    ready: int
    """Messages that lie in the queue."""
    in_hand: int
    """Messages that executors may have received and not claimed yet, at most."""

    @property
    def is_short(self) -> bool:
        """Say whether some attempts wait for a message that is nowhere."""
        return self.ready + self.in_hand < self.waiting


class Shortfalls:
    """Remembers since when which queue is short, by name; times are of the monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._said_at: dict[str, float] = {}

    def note(self, queue: str, count: Count, *, now: float) -> bool:
        """Say whether all that waits in this queue is to be said again: at most once a minute."""
        if not count.is_short:
            self._since.pop(queue, None)
            return False
        since = self._since.setdefault(queue, now)
        if now - since < _FOR_S or now - self._said_at.get(queue, float("-inf")) < _EVERY_S:
            return False
        self._said_at[queue] = now
        return True
