"""Once a month: on a day, on the last one, or on the n-th of a weekday."""

from datetime import time

import pytest

from shared.domain.errors import ScheduleError
from shared.domain.schedules import Monthly, OnDay, OnWeekday, ShortMonths, timetable
from tests.support.instants import utc

AT = time(9, 30)
SUN, FRI, SAT = 0, 5, 6


@pytest.mark.parametrize(
    ("on", "dates"),
    [
        (OnDay(day=5), ["2026-01-05", "2026-02-05", "2026-03-05", "2026-04-05"]),
        (OnDay(day=31), ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        (OnDay(day=31, short_months=ShortMonths.SKIP), ["2026-01-31", "2026-03-31"]),
        (OnDay(day=30, short_months=ShortMonths.SKIP), ["2026-01-30", "2026-03-30", "2026-04-30"]),
        (OnDay(day=None), ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        (OnWeekday(weekday=FRI, nth=1), ["2026-01-02", "2026-02-06", "2026-03-06", "2026-04-03"]),
        (OnWeekday(weekday=FRI, nth=5), ["2026-01-30"]),
        (OnWeekday(weekday=FRI, nth=None), ["2026-01-30", "2026-02-27", "2026-03-27", "2026-04-24"]),
        (OnWeekday(weekday=SUN, nth=None), ["2026-01-25", "2026-02-22", "2026-03-29", "2026-04-26"]),
    ],
)
def test_the_dates_of_four_months(on: OnDay | OnWeekday, dates: list[str]) -> None:
    table = timetable(Monthly(at=AT, on=on), "UTC")

    assert list(table.between(utc("2026-01-01 00:00"), utc("2026-05-01 00:00"))) == [
        utc(f"{date} 09:30") for date in dates
    ]


@pytest.mark.parametrize(
    ("on", "words"),
    [
        (OnDay(day=1), "Every month on the 1st at 09:30"),
        (OnDay(day=28), "Every month on the 28th at 09:30"),
        (OnDay(day=29), "Every month on the 29th, or the last day of shorter months, at 09:30"),
        (
            OnDay(day=29, short_months=ShortMonths.SKIP),
            "Every month on the 29th, not in shorter months, at 09:30",
        ),
        (OnDay(day=28, short_months=ShortMonths.SKIP), "Every month on the 28th at 09:30"),
        (OnDay(day=None), "Every month on the last day at 09:30"),
        (OnWeekday(weekday=FRI, nth=2), "Every month on the second Friday at 09:30"),
        (OnWeekday(weekday=SUN, nth=None), "Every month on the last Sunday at 09:30"),
    ],
)
def test_it_is_said_in_one_phrase(on: OnDay | OnWeekday, words: str) -> None:
    assert Monthly(at=AT, on=on).describe() == words


@pytest.mark.parametrize("day", [0, 32])
def test_a_day_that_no_month_has_is_refused(day: int) -> None:
    with pytest.raises(ScheduleError) as refused:
        OnDay(day=day)

    assert (str(refused.value), refused.value.part) == ("Choose a day from 1 to 31, or the last day.", "day")


@pytest.mark.parametrize("weekday", [-1, 7])
def test_a_weekday_that_no_week_has_is_refused(weekday: int) -> None:
    with pytest.raises(ScheduleError) as refused:
        OnWeekday(weekday=weekday, nth=1)

    assert (str(refused.value), refused.value.part) == ("Choose a day of the week.", "weekday")


@pytest.mark.parametrize("nth", [0, 6])
def test_a_weekday_that_comes_in_no_month_is_refused(nth: int) -> None:
    with pytest.raises(ScheduleError) as refused:
        OnWeekday(weekday=SAT, nth=nth)

    assert (str(refused.value), refused.value.part) == ("Choose the 1st to 5th, or the last.", "nth")
