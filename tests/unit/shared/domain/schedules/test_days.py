"""The days of a month that a rule names, for months whose calendar stands beside them."""

from datetime import date

import pytest

from shared.domain.schedules.days import (
    ClampedDay,
    DateFields,
    EveryDays,
    EveryWeeks,
    Kind,
    Month,
    Special,
    month_shape,
    special_day,
)
from tests.support.instants import bits, values

SUN, MON, TUE, WED, THU, FRI, SAT = range(7)
FEBRUARY = Month(28, SUN, bits(range(1, 29)))  # 2026: the 1st is a Sunday, the 28th a Saturday
MARCH = Month(31, SUN, bits(range(1, 32)))  # 2026: the 31st is a Tuesday
MAY = Month(31, FRI, bits(range(1, 32)))  # 2026: the 31st is a Sunday
AUGUST = Month(31, SAT, bits(range(1, 32)))  # 2026: the 1st is a Saturday, the 31st a Monday


@pytest.mark.parametrize(
    ("year", "month", "shape"),
    [
        (2026, 2, FEBRUARY),
        (2026, 3, MARCH),
        (2026, 5, MAY),
        (2026, 8, AUGUST),
        (2024, 2, Month(29, THU, bits(range(1, 30)))),
        (2100, 2, Month(28, MON, bits(range(1, 29)))),
        (2026, 4, Month(30, WED, bits(range(1, 31)))),
    ],
)
def test_a_month_has_a_length_a_first_weekday_and_days(year: int, month: int, shape: Month) -> None:
    assert month_shape(year, month) == shape


def test_a_month_knows_the_weekdays_of_its_days() -> None:
    assert [MAY.weekday(day) for day in (1, 2, 3, 31)] == [FRI, SAT, SUN, SUN]


@pytest.mark.parametrize(
    ("kind", "number", "weekday", "month", "day"),
    [
        (Kind.LAST, 0, 0, MARCH, 31),
        (Kind.LAST, 1, 0, MARCH, 30),
        (Kind.LAST, 30, 0, MARCH, 1),
        (Kind.LAST, 27, 0, FEBRUARY, 1),
        (Kind.LAST, 28, 0, FEBRUARY, None),
        (Kind.LAST, 30, 0, FEBRUARY, None),
        (Kind.LAST_WORKDAY, 0, 0, MARCH, 31),
        (Kind.LAST_WORKDAY, 2, 0, MARCH, 30),  # the 29th is a Sunday
        (Kind.LAST_WORKDAY, 3, 0, MARCH, 27),  # the 28th is a Saturday
        (Kind.LAST_WORKDAY, 30, 0, MARCH, 2),  # the 1st is a Sunday
        (Kind.LAST_WORKDAY, 30, 0, AUGUST, 3),  # the 1st is a Saturday
        (Kind.LAST_WORKDAY, 0, 0, FEBRUARY, 27),
        (Kind.LAST_WORKDAY, 0, 0, MAY, 29),  # the 31st is a Sunday
        (Kind.LAST_WORKDAY, 28, 0, FEBRUARY, None),
        (Kind.WORKDAY, 10, 0, MARCH, 10),
        (Kind.WORKDAY, 1, 0, MARCH, 2),
        (Kind.WORKDAY, 7, 0, MARCH, 6),
        (Kind.WORKDAY, 8, 0, MARCH, 9),
        (Kind.WORKDAY, 31, 0, MARCH, 31),
        (Kind.WORKDAY, 1, 0, AUGUST, 3),  # it never leaves the month
        (Kind.WORKDAY, 2, 0, AUGUST, 3),
        (Kind.WORKDAY, 31, 0, MAY, 29),
        (Kind.WORKDAY, 2, 0, MAY, 1),
        (Kind.WORKDAY, 28, 0, FEBRUARY, 27),
        (Kind.WORKDAY, 29, 0, FEBRUARY, None),
        (Kind.WORKDAY, 31, 0, FEBRUARY, None),
        (Kind.NTH, 1, SUN, MARCH, 1),
        (Kind.NTH, 1, MON, MARCH, 2),
        (Kind.NTH, 1, SAT, MARCH, 7),
        (Kind.NTH, 5, SUN, MARCH, 29),
        (Kind.NTH, 5, TUE, MARCH, 31),
        (Kind.NTH, 5, WED, MARCH, None),
        (Kind.NTH, 1, SAT, AUGUST, 1),
        (Kind.NTH, 1, FRI, AUGUST, 7),
        (Kind.NTH, 2, FRI, AUGUST, 14),
        (Kind.LAST_OF, 0, TUE, MARCH, 31),
        (Kind.LAST_OF, 0, MON, MARCH, 30),
        (Kind.LAST_OF, 0, WED, MARCH, 25),
        (Kind.LAST_OF, 0, SAT, FEBRUARY, 28),
        (Kind.LAST_OF, 0, SUN, FEBRUARY, 22),
    ],
)
def test_a_day_that_is_computed(kind: Kind, number: int, weekday: int, month: Month, day: int | None) -> None:
    assert special_day(Special(kind, number, weekday), month) == (0 if day is None else 1 << day)


def test_a_day_that_needs_no_number_and_no_weekday_has_none() -> None:
    assert Special(Kind.LAST) == Special(Kind.LAST, number=0, weekday=0)


@pytest.mark.parametrize(
    ("fields", "year", "month", "days"),
    [
        (DateFields(), 2026, 2, [*range(1, 29)]),
        (DateFields(), 2024, 2, [*range(1, 30)]),
        (DateFields(days=bits([1, 28, 29, 31])), 2026, 2, [1, 28]),
        (DateFields(months=bits([2])), 2026, 2, [*range(1, 29)]),
        (DateFields(months=bits([2])), 2026, 1, []),
        (DateFields(months=bits([2])), 2026, 3, []),
        (DateFields(years=frozenset({2026})), 2026, 2, [*range(1, 29)]),
        (DateFields(years=frozenset({2026})), 2027, 2, []),
        (DateFields(months=bits([2]), years=frozenset({2026})), 2026, 3, []),
        (DateFields(weekdays=bits([MON])), 2026, 2, [2, 9, 16, 23]),
        (DateFields(weekdays=bits([SUN, SAT])), 2026, 8, [1, 2, 8, 9, 15, 16, 22, 23, 29, 30]),
        (DateFields(days=bits([13]), weekdays=bits([FRI])), 2026, 3, [13]),
        (DateFields(days=bits([13]), weekdays=bits([FRI])), 2026, 4, []),
        (DateFields(days=bits([13]), weekdays=bits([FRI]), either=True), 2026, 4, [3, 10, 13, 17, 24]),
        (DateFields(days=bits([31]), weekdays=bits([SUN]), either=True), 2026, 2, [1, 8, 15, 22]),
        (DateFields(days=0, day_specials=(Special(Kind.LAST),)), 2026, 2, [28]),
        (DateFields(days=bits([1]), day_specials=(Special(Kind.LAST), Special(Kind.LAST, 1))), 2026, 2, [1, 27, 28]),  # noqa: E501
        (DateFields(weekdays=0, weekday_specials=(Special(Kind.NTH, 2, FRI),)), 2026, 2, [13]),
        (DateFields(weekdays=bits([MON]), weekday_specials=(Special(Kind.NTH, 2, FRI),)), 2026, 2, [2, 9, 13, 16, 23]),  # noqa: E501
        (ClampedDay(day=31), 2026, 2, [28]),
        (ClampedDay(day=31), 2026, 4, [30]),
        (ClampedDay(day=31), 2026, 3, [31]),
        (ClampedDay(day=5), 2026, 2, [5]),
    ],
)  # fmt: skip
def test_the_days_that_fields_name(
    fields: DateFields | ClampedDay, year: int, month: int, days: list[int]
) -> None:
    assert values(fields.of_month(year, month)) == days


@pytest.mark.parametrize(
    ("every", "start", "year", "month", "days"),
    [
        (3, date(2026, 1, 30), 2025, 12, []),
        (3, date(2026, 1, 30), 2026, 1, [30]),
        (3, date(2026, 1, 30), 2026, 2, [2, 5, 8, 11, 14, 17, 20, 23, 26]),
        (3, date(2026, 1, 30), 2026, 3, [1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31]),
        (2, date(2026, 2, 1), 2026, 2, [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27]),
        (1, date(2026, 2, 27), 2026, 2, [27, 28]),
        (1, date(2026, 2, 2), 2026, 2, [*range(2, 29)]),
        (2, date(2026, 2, 2), 2026, 2, [*range(2, 29, 2)]),
        (366, date(2026, 1, 1), 2026, 12, []),
        (366, date(2026, 1, 1), 2027, 1, [2]),
    ],
)
def test_each_nth_day_counts_from_its_start(
    every: int, start: date, year: int, month: int, days: list[int]
) -> None:
    assert values(EveryDays(every=every, start=start).of_month(year, month)) == days


@pytest.mark.parametrize(
    ("weekdays", "start", "year", "month", "days"),
    [
        ([MON, FRI], date(2026, 1, 7), 2025, 12, []),
        ([MON, FRI], date(2026, 1, 7), 2026, 1, [9, 19, 23]),  # Monday the 5th was before the start
        ([MON, FRI], date(2026, 1, 7), 2026, 2, [2, 6, 16, 20]),
        ([MON, FRI], date(2026, 1, 5), 2026, 1, [5, 9, 19, 23]),
        ([SUN], date(2026, 1, 5), 2026, 1, [11, 25]),  # a week ends with its Sunday
        ([SUN], date(2026, 1, 11), 2026, 1, [11, 25]),
        ([SAT], date(2026, 1, 11), 2026, 1, [24]),
        ([SUN], date(2026, 1, 26), 2026, 2, [1, 15]),
        ([SAT], date(2026, 1, 26), 2026, 2, [14, 28]),
        ([MON], date(2026, 8, 31), 2026, 8, [31]),
        ([TUE], date(2026, 8, 31), 2026, 8, []),
    ],
)
def test_each_second_week_counts_from_that_of_its_start(
    weekdays: list[int], start: date, year: int, month: int, days: list[int]
) -> None:
    assert values(EveryWeeks(weekdays=bits(weekdays), every=2, start=start).of_month(year, month)) == days
