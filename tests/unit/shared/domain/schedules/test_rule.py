"""The search and the count of local times, at every edge of a day, an hour and the calendar."""

from datetime import date

import pytest

from shared.domain.schedules.days import DateFields, EveryDays, Kind, Special
from shared.domain.schedules.rule import Rule
from tests.support.instants import bits, seconds

# 02:10:05, 02:10:50, 02:40:05, 02:40:50 and the same at 14, on the 10th and 20th.
SOME = Rule(
    days=DateFields(days=bits([10, 20])),
    hours=bits([2, 14]),
    minutes=bits([10, 40]),
    seconds=bits([5, 50]),
    is_fixed=True,
)
MINUTELY = Rule(days=DateFields(), is_fixed=False)
MIDNIGHT = Rule(days=DateFields(), hours=1, minutes=1, is_fixed=True)
LEAP_DAY = Rule(days=DateFields(days=1 << 29, months=1 << 2), hours=1, minutes=1, is_fixed=True)
LAST = Rule(
    days=DateFields(days=0, day_specials=(Special(Kind.LAST),)), hours=1 << 23, minutes=1 << 59, is_fixed=True
)
LAST_SECOND = Rule(days=DateFields(), hours=1 << 23, minutes=1 << 59, seconds=1 << 59, is_fixed=True)
FAR_AWAY = seconds("2300-01-01 00:00")
EVER_PAST = Rule(days=DateFields(years=frozenset({1999})), is_fixed=True)


@pytest.mark.parametrize(
    ("rule", "asked", "found"),
    [
        (SOME, "2026-05-09 23:59:59", "2026-05-10 02:10:05"),
        (SOME, "2026-05-10 00:00", "2026-05-10 02:10:05"),
        (SOME, "2026-05-10 02:00", "2026-05-10 02:10:05"),
        (SOME, "2026-05-10 02:10:05", "2026-05-10 02:10:05"),
        (SOME, "2026-05-10 02:10:06", "2026-05-10 02:10:50"),
        (SOME, "2026-05-10 02:10:51", "2026-05-10 02:40:05"),
        (SOME, "2026-05-10 02:11:05", "2026-05-10 02:40:05"),
        (SOME, "2026-05-10 02:39:59", "2026-05-10 02:40:05"),
        (SOME, "2026-05-10 02:40:51", "2026-05-10 14:10:05"),
        (SOME, "2026-05-10 02:41", "2026-05-10 14:10:05"),
        (SOME, "2026-05-10 03:10:05", "2026-05-10 14:10:05"),
        (SOME, "2026-05-10 14:40:50", "2026-05-10 14:40:50"),
        (SOME, "2026-05-10 14:40:51", "2026-05-20 02:10:05"),
        (SOME, "2026-05-10 23:59:59", "2026-05-20 02:10:05"),
        (SOME, "2026-05-20 14:40:51", "2026-06-10 02:10:05"),
        (SOME, "2026-12-20 14:40:51", "2027-01-10 02:10:05"),
        (SOME, "2199-12-20 14:40:50", "2199-12-20 14:40:50"),
        (SOME, "2199-12-20 14:40:51", None),
        (MINUTELY, "2026-05-10 23:59:01", "2026-05-11 00:00"),
        (MINUTELY, "2026-05-31 23:59:01", "2026-06-01 00:00"),
        (MINUTELY, "2026-05-10 22:59:01", "2026-05-10 23:00"),
        (MINUTELY, "2026-05-10 23:59:00", "2026-05-10 23:59"),
        (MINUTELY, "2199-12-31 23:58:01", "2199-12-31 23:59"),
        (MINUTELY, "2199-12-31 23:59:01", None),
        (MINUTELY, "2200-01-01 00:00", None),
        (MINUTELY, "1960-01-01 12:30", "1970-01-01 00:00"),
        (MINUTELY, "1970-01-01 00:00", "1970-01-01 00:00"),
        (MIDNIGHT, "2026-05-10 00:00:00", "2026-05-10 00:00"),
        (MIDNIGHT, "2026-05-10 00:00:01", "2026-05-11 00:00"),
        (LAST_SECOND, "1969-12-31 23:59:50", "1970-01-01 23:59:59"),
        (LEAP_DAY, "2026-01-01 00:00", "2028-02-29 00:00"),
        (LEAP_DAY, "2096-02-29 00:00:01", "2104-02-29 00:00"),
        (LEAP_DAY, "2196-02-29 00:00:01", None),
        (LAST, "2026-02-01 00:00", "2026-02-28 23:59"),
        (LAST, "2026-11-30 23:59:01", "2026-12-31 23:59"),
        (LAST, "2199-12-31 23:59:00", "2199-12-31 23:59"),
        (LAST, "2199-12-31 23:59:01", None),
        (EVER_PAST, "1999-12-31 23:59", "1999-12-31 23:59"),
        (EVER_PAST, "1999-12-31 23:59:01", None),
        (EVER_PAST, "2026-01-01 00:00", None),
    ],
)
def test_the_first_time_at_or_after_a_local_second(rule: Rule, asked: str, found: str | None) -> None:
    assert rule.first_from(seconds(asked), FAR_AWAY) == (None if found is None else seconds(found))


@pytest.mark.parametrize(
    ("rule", "asked", "last", "found"),
    [
        (SOME, "2026-05-10 14:40:51", "2026-05-20 00:00", "2026-05-20 02:10:05"),
        (SOME, "2026-05-10 14:40:51", "2026-05-19 23:59:59", "2026-05-20 02:10:05"),  # found with its month
        (SOME, "2026-05-20 14:40:51", "2026-06-10 00:00", "2026-06-10 02:10:05"),
        (SOME, "2026-05-20 14:40:51", "2026-05-31 23:59:59", None),
        (SOME, "2026-05-10 02:00", "2026-05-10 02:00", "2026-05-10 02:10:05"),
        (LEAP_DAY, "2026-01-01 00:00", "2028-02-01 00:00", "2028-02-29 00:00"),
        (LEAP_DAY, "2026-01-01 00:00", "2028-01-31 23:59:59", None),
    ],
)
def test_the_search_ends_with_the_month_of_the_day_that_it_was_given(
    rule: Rule, asked: str, last: str, found: str | None
) -> None:
    assert rule.first_from(seconds(asked), seconds(last)) == (None if found is None else seconds(found))


@pytest.mark.parametrize(
    ("rule", "begin", "end", "count"),
    [
        (SOME, "2026-05-01 00:00", "2026-06-01 00:00", 16),
        (SOME, "2026-05-10 00:00", "2026-05-11 00:00", 8),
        (SOME, "2026-05-10 02:10:05", "2026-05-10 14:40:50", 7),
        (SOME, "2026-05-10 02:10:05", "2026-05-10 14:40:51", 8),
        (SOME, "2026-05-10 02:10:06", "2026-05-10 14:40:51", 7),
        (SOME, "2026-05-10 02:10:05", "2026-05-10 02:10:06", 1),
        (SOME, "2026-05-10 02:10:05", "2026-05-10 02:10:05", 0),
        (SOME, "2026-05-10 02:10:06", "2026-05-10 02:10:50", 0),
        (SOME, "2026-05-10 02:11", "2026-05-10 02:40", 0),
        (SOME, "2026-05-10 02:10:50", "2026-05-10 02:40:06", 2),
        (SOME, "2026-05-10 03:00", "2026-05-10 14:00", 0),
        (SOME, "2026-05-10 14:30", "2026-05-20 02:30", 4),
        (SOME, "2026-05-10 14:30", "2026-06-10 02:30", 12),
        (SOME, "2026-05-11 00:00", "2026-05-20 00:00", 0),
        (SOME, "2026-12-20 00:00", "2027-01-11 00:00", 16),
        (SOME, "2026-05-20 00:00", "2026-05-10 00:00", 0),
        (SOME, "2026-05-20 12:00", "2026-05-10 00:00", 0),
        (LAST_SECOND, "1969-12-31 00:00", "1970-01-01 00:00", 0),
        (LAST_SECOND, "1969-12-31 00:00", "1970-01-02 00:00", 1),
        (SOME, "2026-01-01 00:00", "2027-01-01 00:00", 192),
        (MINUTELY, "2026-05-10 00:00", "2026-05-10 00:01", 1),
        (MINUTELY, "2026-05-10 00:00:01", "2026-05-10 01:00:01", 60),
        (MINUTELY, "2026-01-01 00:00", "2027-01-01 00:00", 525_600),
        (MINUTELY, "1960-01-01 00:00", "1970-01-01 00:02", 2),
        (MINUTELY, "1960-01-01 00:00", "1965-01-01 00:00", 0),
        (MINUTELY, "2199-12-31 00:00", "2300-01-01 00:00", 1_440),
        (MINUTELY, "2199-12-31 23:00", "2200-01-01 00:30", 60),
        (MINUTELY, "2200-01-01 00:00", "2200-01-02 00:00", 0),
        (LEAP_DAY, "1970-01-01 00:00", "2200-01-01 00:00", 56),  # 1972 to 2196 without 2100
        (LAST, "2026-01-01 00:00", "2027-01-01 00:00", 12),
    ],
)
def test_the_count_of_times_from_one_second_up_to_another(
    rule: Rule, begin: str, end: str, count: int
) -> None:
    assert rule.count(seconds(begin), seconds(end)) == count


def test_the_days_of_a_later_start_are_found_over_empty_months() -> None:
    rule = Rule(days=EveryDays(every=90, start=date(2026, 3, 5)), hours=1, minutes=1, is_fixed=True)

    assert rule.first_from(seconds("2020-01-01 00:00"), FAR_AWAY) == seconds("2026-03-05 00:00")
    assert rule.first_from(seconds("2026-03-05 00:00:01"), FAR_AWAY) == seconds("2026-06-03 00:00")
