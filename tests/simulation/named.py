"""The instants that a schedule names, by the oracle: counted and looked up, never taken from the engine."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from tests.oracle import kinds
from tests.simulation.machine import SECOND, micros

_MARGIN = timedelta(days=50)


class Instants(Protocol):
    """Some instants in order, in microseconds since 1970."""

    def count(self, after: int, until: int) -> int:
        """Return how many there are in (after, until]."""
        ...

    def within(self, after: int, until: int) -> list[int]:
        """Return those in (after, until]."""
        ...


class Listed:
    """Instants that are written down one by one."""

    def __init__(self, instants: "array[int]") -> None:
        self._instants = instants

    def count(self, after: int, until: int) -> int:
        """Return how many there are in (after, until]."""
        return max(0, bisect_right(self._instants, until) - bisect_right(self._instants, after))

    def within(self, after: int, until: int) -> list[int]:
        """Return those in (after, until]."""
        first, last = bisect_right(self._instants, after), bisect_right(self._instants, until)
        return list(self._instants[first:last])

    def has(self, instant: int) -> bool:
        """Say whether this is one of them."""
        place = bisect_left(self._instants, instant)
        return place < len(self._instants) and self._instants[place] == instant


class EverySoOften:
    """anchor + k * step for k = 1, 2, 3 ..."""

    def __init__(self, anchor: int, step: int) -> None:
        self._anchor = anchor
        self._step = step

    def count(self, after: int, until: int) -> int:
        """Return how many there are in (after, until]."""
        return max(0, self._ordinal(until) - self._ordinal(after))

    def within(self, after: int, until: int) -> list[int]:
        """Return those in (after, until]."""
        numbers = range(self._ordinal(after) + 1, self._ordinal(until) + 1)
        return [self._anchor + number * self._step for number in numbers]

    def _ordinal(self, instant: int) -> int:
        return max(0, (instant - self._anchor) // self._step)


class Oracle:
    """Looks each schedule up once for each calendar year: that is slow, and the simulation is not."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, int], Listed] = {}

    def instants(self, form: Mapping[str, Any], zone: str, year: int) -> Instants:
        """Return what a schedule in this zone names around one calendar year."""
        if form["kind"] == "interval":
            anchor = micros(datetime.fromisoformat(form["anchor"]))
            return EverySoOften(anchor, form["every_s"] * SECOND)
        key = repr(sorted(form.items())), zone, year
        known = self._known.get(key)
        if known is None:
            first = datetime(year, 1, 1, tzinfo=UTC) - _MARGIN
            last = datetime(year + 1, 1, 1, tzinfo=UTC) + _MARGIN
            found = kinds.between(kinds.model_of(dict(form)), zone, first, last)
            known = self._known[key] = Listed(array("q", map(micros, found)))
        return known
