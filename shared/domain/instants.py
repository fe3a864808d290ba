"""A schedule over its life: which instants it named, from when it was made until it was replaced."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice

from shared.domain.ids import ScheduleId
from shared.domain.schedules import Timetable

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A schedule of a job with its life: what it names in (`since`, `until`] was promised."""

    id: ScheduleId
    timetable: Timetable
    text: str
    since: datetime
    until: datetime | None = None
    """When it was replaced or removed; None: it is followed."""

    def would_name(self, at: datetime) -> bool:
        """Say whether the rule names this instant, dead or alive."""
        return self.timetable.last_until(at) == at

    def named(self, at: datetime) -> bool:
        """Say whether this instant was promised."""
        return self.since < at and (self.until is None or at <= self.until) and self.would_name(at)

    def last_until(self, at: datetime) -> datetime | None:
        """Return the newest promised instant at or before `at`."""
        last = self.timetable.last_until(at if self.until is None else min(at, self.until))
        return last if last is not None and last > self.since else None

    def next_after(self, at: datetime) -> datetime | None:
        """Return the first promised instant strictly after `at`."""
        following = self.timetable.next_after(max(at, self.since))
        return None if following is None or (self.until is not None and following > self.until) else following

    def count_between(self, after: datetime, until: datetime) -> int:
        """Return how many promised instants lie in (`after`, `until`]."""
        start, end = max(after, self.since), until if self.until is None else min(until, self.until)
        return self.timetable.count_between(start, end) if start < end else 0

    def newest_first(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the promised instants of (`after`, `until`], newest first."""
        at = self.last_until(until)
        while at is not None and at > after:
            yield at
            # Instants are whole seconds: what is before this one is at least a second older.
            at = self.last_until(at - _SECOND)


def nearest_before(schedules: Iterable[Followed], at: datetime) -> datetime | None:
    """Return the newest instant strictly before `at` that any of them promised."""
    found = (schedule.last_until(at - _SECOND) for schedule in schedules)
    return max((one for one in found if one is not None), default=None)


def nearest_after(schedules: Iterable[Followed], at: datetime) -> datetime | None:
    """Return the first instant strictly after `at` that any of them promises."""
    found = (schedule.next_after(at) for schedule in schedules)
    return min((one for one in found if one is not None), default=None)


def newest_until(schedules: Iterable[Followed], at: datetime) -> datetime | None:
    """Return the newest instant at or before `at` that any of them promised."""
    found = (schedule.last_until(at) for schedule in schedules)
    return max((one for one in found if one is not None), default=None)


def count_of(schedules: Iterable[Followed], after: datetime, until: datetime) -> int:
    """Return how many promised instants lie in (`after`, `until`]; two schedules at one instant are two."""
    return sum(schedule.count_between(after, until) for schedule in schedules)


def newest_first(
    schedules: Iterable[Followed], after: datetime, until: datetime
) -> Iterator[tuple[datetime, Followed]]:
    """Yield every promised instant of (`after`, `until`] with its schedule, newest first, lazily."""
    # At one instant the schedule with the lower id comes first.
    lanes = [_lane(one, after, until) for one in sorted(schedules, key=lambda one: one.id)]
    return merge(*lanes, key=lambda pair: pair[0], reverse=True)


def _lane(schedule: Followed, after: datetime, until: datetime) -> Iterator[tuple[datetime, Followed]]:
    for at in schedule.newest_first(after, until):
        yield at, schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What was promised in a time: how much there is in all, and where the newest part of it begins."""

    count: int
    first: datetime
    last: datetime
    after: datetime
    """In (`after`, end] there are at most as many as the limit."""


def newest_span(
    schedules: Iterable[Followed], after: datetime, until: datetime, *, limit: int
) -> Span | None:
    """Return what was promised in (`after`, `until`]; None where there was nothing."""
    known = tuple(schedules)
    last, first = newest_until(known, until), nearest_after(known, after)
    if last is None or first is None or last <= after or first > until:
        return None
    beyond = next(islice(newest_first(known, after, until), limit, None), None)
    return Span(
        count=count_of(known, after, until),
        first=first,
        last=last,
        after=after if beyond is None else beyond[0],
    )
