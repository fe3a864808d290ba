"""A schedule followed in a zone: what fires next, what fired last, and how often."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.domain.schedules.notes import Note, notes_on
from shared.domain.schedules.wall_clock import WallClock
from shared.domain.schedules.zones import DAY, END, EPOCH


class Fires(Protocol):
    """Instants in order, as whole seconds since 1970 in UTC."""

    def first_from(self, second: int) -> int | None:
        """Return the first fire at or after `second`."""

    def last_to(self, second: int) -> int | None:
        """Return the last fire at or before `second`."""

    def count(self, begin: int, end: int) -> int:
        """Return how many fires lie in [begin, end)."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """The fires of one schedule in one zone; it never reads the clock.

    Instants are aware, in UTC, and whole seconds from the years 1970 to 2199. Every answer takes a
    bounded number of steps, whatever the schedule and however long the time asked about.
    """

    fires: Fires

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first fire strictly after `instant`; None: there is none any more."""
        second = self.fires.first_from(_second(instant) + 1)
        # Its seconds by position: by keyword they would take a twentieth of the whole answer.
        return None if second is None else EPOCH + timedelta(0, second)

    def last_until(self, instant: datetime) -> datetime | None:
        """Return the newest fire at or before `instant`; None: there was none yet."""
        second = self.fires.last_to(_second(instant))
        return None if second is None else EPOCH + timedelta(0, second)

    def count_between(self, after: datetime, until: datetime) -> int:
        """Return how many fires lie in (`after`, `until`], without visiting them."""
        return self.fires.count(_second(after) + 1, _second(until) + 1)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the fires in (`after`, `until`], in order."""
        at = self.next_after(after)
        while at is not None and at <= until:
            yield at
            at = self.next_after(at)

    def transitions(self, after: datetime, until: datetime) -> list[Note]:
        """Return what changes of the clock in (`after`, `until`] mean for this schedule, in words."""
        if not isinstance(self.fires, WallClock):
            return []
        return list(notes_on(self.fires, _second(after) + 1, min(_second(until) + 1, END)))


@dataclass(frozen=True, slots=True)
class Grid:
    """One fire each `step` seconds after `anchor`, at which there is none."""

    anchor: int
    step: int

    def first_from(self, second: int) -> int | None:
        """Return the first fire at or after `second`."""
        at = self.anchor + max(1, -((self.anchor - second) // self.step)) * self.step
        return at if at < END else None

    def last_to(self, second: int) -> int | None:
        """Return the last fire at or before `second`."""
        fires = (min(second, END - 1) - self.anchor) // self.step
        return self.anchor + fires * self.step if fires > 0 else None

    def count(self, begin: int, end: int) -> int:
        """Return how many fires lie in [begin, end)."""
        return max(0, self._until(end - 1) - self._until(begin - 1))

    def _until(self, second: int) -> int:
        return max(0, (min(second, END - 1) - self.anchor) // self.step)


@dataclass(frozen=True, slots=True)
class Never:
    """No fire at all."""

    def first_from(self, second: int) -> int | None:  # noqa: ARG002 - one shape for all
        """Return None."""
        return None

    def last_to(self, second: int) -> int | None:  # noqa: ARG002 - one shape for all
        """Return None."""
        return None

    def count(self, begin: int, end: int) -> int:  # noqa: ARG002 - one shape for all
        """Return 0."""
        return 0


def _second(instant: datetime) -> int:
    # A tenth of the whole answer faster than dividing by a timedelta of a second.
    since = instant - EPOCH
    return since.days * DAY + since.seconds
