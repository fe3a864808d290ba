"""What a schedule promised over its life."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import ScheduleId
from shared.domain.instants import (
    Followed,
    count_of,
    nearest_after,
    nearest_before,
    newest_first,
    newest_span,
    newest_until,
)
from shared.domain.schedules import Interval, Manual, timetable

START = datetime(2026, 3, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def every(minutes: int, *, since: int = 0, until: int | None = None, number: int = 1) -> Followed:
    return Followed(
        id=ScheduleId(UUID(int=number)),
        timetable=timetable(Interval(every=minutes * MINUTE, anchor=START), "UTC"),
        text=f"Every {minutes} minutes",
        since=START + since * MINUTE,
        until=None if until is None else START + until * MINUTE,
    )


def minute(at: datetime | None) -> int | None:
    return None if at is None else (at - START) // MINUTE


def test_nothing_is_promised_before_it_is_made_or_after_it_is_replaced() -> None:
    short = every(10, since=20, until=40)

    named = [n for n in range(60) if short.named(START + n * MINUTE)]

    assert named == [30, 40]
    assert minute(short.last_until(START + 59 * MINUTE)) == 40
    assert short.last_until(START + 29 * MINUTE) is None
    assert minute(short.next_after(START)) == 30
    assert minute(short.next_after(START + 39 * MINUTE)) == 40
    assert short.next_after(START + 40 * MINUTE) is None
    assert short.count_between(START, START + 99 * MINUTE) == 2


def test_neighbours_are_the_nearest_of_all_schedules() -> None:
    both = (every(10), every(7, number=2))

    assert minute(nearest_before(both, START + 20 * MINUTE)) == 14
    assert minute(newest_until(both, START + 20 * MINUTE)) == 20
    assert minute(nearest_after(both, START + 20 * MINUTE)) == 21
    assert nearest_after((replace(both[0], timetable=timetable(Manual(), "UTC")),), START) is None


def test_two_schedules_at_one_instant_are_two_and_come_in_the_order_of_their_ids() -> None:
    both = (every(10, number=2), every(20, number=1))

    listed = [(minute(at), one.id.int) for at, one in newest_first(both, START, START + 40 * MINUTE)]

    assert listed == [(40, 1), (40, 2), (30, 2), (20, 1), (20, 2), (10, 2)]
    assert count_of(both, START, START + 40 * MINUTE) == 6


@given(
    minutes=st.integers(1, 90), since=st.integers(0, 500), until=st.none() | st.integers(0, 500),
    after=st.integers(0, 500), end=st.integers(0, 500),
)  # fmt: skip
def test_counting_listing_and_naming_agree(
    minutes: int, since: int, until: int | None, after: int, end: int
) -> None:
    schedule = every(minutes, since=since, until=until)
    span = (START + after * MINUTE, START + end * MINUTE)

    listed = [minute(at) for at in schedule.newest_first(*span)]

    assert listed == [n for n in range(end, after, -1) if schedule.named(START + n * MINUTE)]
    assert schedule.count_between(*span) == len(listed)


def test_of_what_passed_the_newest_part_is_within_the_limit() -> None:
    both = (every(10), every(7, number=2))
    end = START + 60 * MINUTE

    whole = newest_span(both, START, end, limit=14)
    part = newest_span(both, START, end, limit=3)

    assert whole is not None
    assert part is not None
    assert (whole.count, minute(whole.first), minute(whole.last), minute(whole.after)) == (14, 7, 60, 0)
    assert (part.count, minute(part.after)) == (14, 49)
    assert count_of(both, part.after, end) == 3
    assert newest_span(both, START, START + 6 * MINUTE, limit=3) is None
    assert newest_span(both, end, end, limit=3) is None
