"""On days of the week, each week or each n-th week from that of its start."""

from datetime import date, time

import pytest

from shared.domain.errors import ScheduleError
from shared.domain.schedules import Weekly, timetable
from tests.support.instants import utc

AT, START = time(9, 30), date(2026, 1, 7)  # a Wednesday
SUN, MON, WED, SAT = 0, 1, 3, 6


def test_each_week_has_its_days() -> None:
    table = timetable(Weekly(at=AT, days=frozenset({SUN, MON})), "UTC")

    assert list(table.between(utc("2026-02-01 00:00"), utc("2026-02-09 00:00"))) == [
        utc("2026-02-01 09:30"),
        utc("2026-02-02 09:30"),
        utc("2026-02-08 09:30"),
    ]


def test_every_second_week_counts_from_that_of_the_start() -> None:
    table = timetable(Weekly(at=AT, days=frozenset({MON, WED}), every=2, start=START), "UTC")

    assert list(table.between(utc("2025-12-01 00:00"), utc("2026-02-03 00:00"))) == [
        utc("2026-01-07 09:30"),
        utc("2026-01-19 09:30"),
        utc("2026-01-21 09:30"),
        utc("2026-02-02 09:30"),
    ]


def test_every_week_may_have_a_start_too() -> None:
    table = timetable(Weekly(at=AT, days=frozenset({MON}), start=START), "UTC")

    assert table.next_after(utc("2020-01-01 00:00")) == utc("2026-01-12 09:30")


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Weekly(at=AT, days=frozenset({MON, WED})), "Every week on Monday and Wednesday at 09:30"),
        (Weekly(at=AT, days=frozenset({SUN, SAT})), "Every week at weekends at 09:30"),
        (
            Weekly(at=AT, days=frozenset({MON}), every=2, start=START),
            "Every 2 weeks on Monday at 09:30, from the week of 2026-01-07",
        ),
    ],
)
def test_it_is_said_in_one_phrase(schedule: Weekly, words: str) -> None:
    assert schedule.describe() == words


@pytest.mark.parametrize(
    ("days", "every", "start", "part", "message"),
    [
        (set(), 1, None, "days", "Choose at least one day of the week."),
        ({7}, 1, None, "days", "Choose at least one day of the week."),
        ({-1, 1}, 1, None, "days", "Choose at least one day of the week."),
        ({1}, 0, START, "every", "Choose every 1 to 52 weeks."),
        ({1}, 53, START, "every", "Choose every 1 to 52 weeks."),
        ({1}, 2, None, "start", "Give the week from which to count: any of its days."),
    ],
)
def test_what_cannot_be_counted_is_refused(
    days: set[int], every: int, start: date | None, part: str, message: str
) -> None:
    with pytest.raises(ScheduleError) as refused:
        Weekly(at=AT, days=frozenset(days), every=every, start=start)

    assert (str(refused.value), refused.value.part) == (message, part)


def test_all_days_and_a_year_of_weeks_are_allowed() -> None:
    assert Weekly(at=AT, days=frozenset(range(7)), every=52, start=START).every == 52
