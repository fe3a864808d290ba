"""Instants outside, whole seconds inside: every edge of the questions that a timetable answers."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.domain.errors import ScheduleError
from shared.domain.schedules import Daily, Interval, Manual, Timetable, timetable
from shared.domain.schedules.times import checked_time
from shared.domain.schedules.timetable import Grid, Never
from shared.domain.schedules.zones import END
from tests.support.instants import utc

MICROSECOND, SECOND = timedelta(microseconds=1), timedelta(seconds=1)
NOON = utc("2026-05-10 12:00")
DAY = timedelta(days=1)


def noons() -> Timetable:
    return timetable(Daily(at=checked_time("12:00")), "UTC")


def test_the_next_fire_is_strictly_later() -> None:
    assert noons().next_after(NOON - MICROSECOND) == NOON
    assert noons().next_after(NOON) == NOON + DAY
    assert noons().next_after(NOON + MICROSECOND) == NOON + DAY


def test_the_last_fire_may_be_now() -> None:
    assert noons().last_until(NOON - MICROSECOND) == NOON - DAY
    assert noons().last_until(NOON) == NOON
    assert noons().last_until(NOON + MICROSECOND) == NOON


def test_fires_are_in_utc_whatever_the_offset_of_the_question() -> None:
    asked = datetime(2026, 5, 10, 19, 59, tzinfo=timezone(timedelta(hours=8)))

    fire, before = noons().next_after(asked), noons().last_until(asked)

    assert (fire, before) == (NOON, NOON - DAY)
    assert fire is not None
    assert before is not None
    assert fire.tzinfo is before.tzinfo is UTC


def test_there_is_no_fire_before_the_first_and_after_the_last() -> None:
    assert noons().last_until(utc("1970-01-01 11:59:59")) is None
    assert noons().next_after(utc("2199-12-31 12:00")) is None


@pytest.mark.parametrize(
    ("after", "until", "count"),
    [
        (NOON, NOON + 3 * DAY, 3),
        (NOON - MICROSECOND, NOON + 3 * DAY, 4),
        (NOON, NOON + 3 * DAY - MICROSECOND, 2),
        (NOON, NOON, 0),
        (NOON - SECOND, NOON, 1),
        (NOON + DAY, NOON, 0),
    ],
)
def test_what_lies_between_is_counted_and_listed_alike(after: datetime, until: datetime, count: int) -> None:
    listed = list(noons().between(after, until))

    assert noons().count_between(after, until) == count
    assert listed == [NOON + n * DAY for n in range(4) if after < NOON + n * DAY <= until]
    assert len(listed) == count


def test_the_list_ends_with_the_calendar() -> None:
    assert list(noons().between(utc("2199-12-30 12:00"), utc("2300-01-01 00:00"))) == [
        utc("2199-12-31 12:00")
    ]


def test_the_notes_are_those_of_the_time_asked_about() -> None:
    table = timetable(Daily(at=checked_time("02:30")), "America/New_York")
    change = utc("2026-03-08 07:00")

    assert [note.at for note in table.transitions(change - SECOND, change)] == [change]
    assert table.transitions(change - DAY, change - SECOND) == []
    assert table.transitions(change, change + DAY) == []
    assert [note.at for note in table.transitions(change - SECOND, utc("2026-11-01 06:00"))] == [change]


def test_the_notes_end_with_the_calendar() -> None:
    hourly = timetable(Daily(at=checked_time("02:30")), "America/New_York")

    notes = hourly.transitions(utc("2199-01-01 00:00"), utc("2400-01-01 00:00"))

    assert [note.at.year for note in notes] == [2199]


def test_what_follows_no_clock_has_no_notes() -> None:
    interval = Interval(every=SECOND, anchor=NOON)

    assert timetable(interval, "America/New_York").transitions(NOON, NOON + 365 * DAY) == []


def test_a_manual_schedule_never_fires() -> None:
    table = timetable(Manual(), "UTC")

    assert table.next_after(NOON) is None
    assert table.last_until(NOON) is None
    assert table.count_between(NOON, NOON + DAY) == 0
    assert list(table.between(NOON, NOON + DAY)) == []
    assert table.transitions(NOON, NOON + DAY) == []
    assert Manual().describe() == "Manual only"
    assert Manual().fires("UTC") == Never()


def test_a_timetable_is_made_once() -> None:
    assert noons() is noons()


def test_an_unknown_zone_is_refused_on_first_use() -> None:
    with pytest.raises(ScheduleError) as refused:
        timetable(Daily(at=checked_time("12:00")), "Mars/Base").next_after(NOON)

    assert refused.value.field == "zone"


TENS = Grid(100, 10)
LAST_ONE = Grid(END - 11, 10)
TOO_LATE = Grid(END - 10, 10)


@pytest.mark.parametrize(
    ("grid", "asked", "fire"),
    [
        (TENS, -5, 110),
        (TENS, 100, 110),
        (TENS, 110, 110),
        (TENS, 111, 120),
        (TENS, 1_000_001, 1_000_010),
        (LAST_ONE, 0, END - 1),
        (LAST_ONE, END - 1, END - 1),
        (LAST_ONE, END, None),
        (TOO_LATE, 0, None),
    ],
)
def test_the_first_fire_of_a_grid_at_or_after_a_second(grid: Grid, asked: int, fire: int | None) -> None:
    assert grid.first_from(asked) == fire


@pytest.mark.parametrize(
    ("grid", "asked", "fire"),
    [
        (TENS, -5, None),
        (TENS, 100, None),
        (TENS, 109, None),
        (TENS, 110, 110),
        (TENS, 119, 110),
        (TENS, 120, 120),
        (LAST_ONE, END + 100, END - 1),
        (TOO_LATE, END + 100, None),
    ],
)
def test_the_last_fire_of_a_grid_at_or_before_a_second(grid: Grid, asked: int, fire: int | None) -> None:
    assert grid.last_to(asked) == fire


@pytest.mark.parametrize(
    ("grid", "begin", "end", "count"),
    [
        (TENS, 0, 110, 0),
        (TENS, 0, 111, 1),
        (TENS, 110, 120, 1),
        (TENS, 110, 121, 2),
        (TENS, 111, 120, 0),
        (TENS, 111, 121, 1),
        (TENS, 100, 101, 0),
        (TENS, -1_000, 50, 0),
        (TENS, 150, 120, 0),
        (TENS, 0, 1_100, 99),
        (LAST_ONE, 0, END + 100, 1),
        (LAST_ONE, END, END + 100, 0),
        (TOO_LATE, 0, END + 100, 0),
    ],
)
def test_the_count_of_a_grid_from_one_second_up_to_another(
    grid: Grid, begin: int, end: int, count: int
) -> None:
    assert grid.count(begin, end) == count
