"""Whether the broker is there and takes messages, as this process sees it; told by the messaging loop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from shared.broker import Broker
from shared.runtime.clock import Clock


class Link:
    """The standing of the connection; false until it stands for the first time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._is_up: Callable[[], bool] | None = None
        self._was_up = False
        self._since: datetime | None = None
        self._blocked_since: datetime | None = None

    @contextmanager
    def over(self, broker: Broker) -> Iterator[None]:
        """Follow the standing of this broker while inside."""
        self._is_up = lambda: broker.connected
        try:
            yield
        finally:
            self._is_up = None

    def look(self) -> bool:
        """Look whether the broker is there now, and remember when that changed."""
        is_up = self._is_up is not None and self._is_up()
        if is_up != self._was_up:
            self._was_up, self._since = is_up, self._clock.now()
        return is_up

    @property
    def connected(self) -> bool:
        """Say whether the broker is there now."""
        return self.look()

    def note_taken(self, *, is_taken: bool) -> None:
        """Note whether the broker took what was sent for a trial."""
        if is_taken:
            self._blocked_since = None
        elif self._blocked_since is None:
            self._blocked_since = self._clock.now()

    @property
    def blocked_since(self) -> datetime | None:
        """Return since when the broker is there and takes nothing; None: it does take, or is away."""
        return self._blocked_since if self.connected else None

    @property
    def since(self) -> datetime | None:
        """Return when the last change was noticed; None: never, it is as it was at the start."""
        return self._since
