"""What a schedule asks for, in local dates and times; `wall` says when those happen."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count, takewhile

LAST_YEAR = 2199


@dataclass(frozen=True)
class Model:
    """The local dates and times a schedule names. Wildcard: it follows the clock instead of the date."""

    on_date: Callable[[date], bool]
    hours: frozenset[int]
    minutes: frozenset[int]
    seconds: frozenset[int]
    wildcard: bool


@dataclass(frozen=True)
class Elapsed:
    """Fires at anchor + k * step for k = 1, 2, 3 ...: a stopwatch that knows no zone."""

    anchor: datetime
    step: timedelta

    def between(self, after: datetime, until: datetime) -> list[datetime]:
        fires = (self.anchor + k * self.step for k in count(1))
        return [fire for fire in takewhile(lambda fire: fire <= until, fires) if fire > after]
