"""Once a day, or on each n-th day from its start."""

from datetime import date, time

import pytest

from shared.domain.errors import ScheduleError
from shared.domain.schedules import Daily, timetable
from tests.support.instants import utc

AT, START = time(9, 30), date(2026, 1, 30)


def test_every_day_has_one_fire() -> None:
    table = timetable(Daily(at=AT), "Asia/Hong_Kong")

    assert list(table.between(utc("2026-05-10 00:00"), utc("2026-05-12 00:00"))) == [
        utc("2026-05-10 01:30"),
        utc("2026-05-11 01:30"),
    ]


def test_every_third_day_counts_from_the_start() -> None:
    table = timetable(Daily(at=AT, every=3, start=START), "UTC")

    assert table.last_until(utc("2026-01-30 09:29:59")) is None
    assert list(table.between(utc("2026-01-01 00:00"), utc("2026-02-06 00:00"))) == [
        utc("2026-01-30 09:30"),
        utc("2026-02-02 09:30"),
        utc("2026-02-05 09:30"),
    ]


def test_every_day_may_have_a_start_too() -> None:
    table = timetable(Daily(at=AT, start=START), "UTC")

    assert table.next_after(utc("2020-01-01 00:00")) == utc("2026-01-30 09:30")
    assert table.next_after(utc("2026-01-30 09:30")) == utc("2026-01-31 09:30")


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Daily(at=AT), "Every day at 09:30"),
        (Daily(at=AT, every=3, start=START), "Every 3 days at 09:30, from 2026-01-30"),
    ],
)
def test_it_is_said_in_one_phrase(schedule: Daily, words: str) -> None:
    assert schedule.describe() == words


@pytest.mark.parametrize(
    ("every", "start", "part", "message"),
    [
        (0, START, "every", "Choose every 1 to 366 days."),
        (367, START, "every", "Choose every 1 to 366 days."),
        (2, None, "start", "Give the day from which to count, such as 2026-12-01."),
    ],
)
def test_what_cannot_be_counted_is_refused(every: int, start: date | None, part: str, message: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        Daily(at=AT, every=every, start=start)

    assert (str(refused.value), refused.value.part) == (message, part)


def test_the_longest_distance_is_a_leap_year() -> None:
    assert Daily(at=AT, every=366, start=START).every == 366
