"""What a field may say, which values it names then, and what is told about everything else."""

import pytest

from shared.domain.errors import ScheduleError
from shared.domain.schedules.cron import read
from shared.domain.schedules.cron_fields import FIELDS, Parsed, expanded, parse_field
from shared.domain.schedules.days import Kind, Special
from tests.support.instants import values

FIELD = {field.name: field for field in FIELDS}


def parsed(name: str, text: str) -> Parsed:
    return parse_field(FIELD[name], text, 0)


@pytest.mark.parametrize(
    ("name", "text", "numbers"),
    [
        ("second", "*", [*range(60)]),
        ("minute", "*", [*range(60)]),
        ("hour", "*", [*range(24)]),
        ("day", "*", [*range(1, 32)]),
        ("day", "?", [*range(1, 32)]),
        ("month", "*", [*range(1, 13)]),
        ("weekday", "*", [*range(7)]),
        ("weekday", "?", [*range(7)]),
        ("minute", "0", [0]),
        ("minute", "59", [59]),
        ("hour", "0,23", [0, 23]),
        ("day", "1,31", [1, 31]),
        ("month", "1,12", [1, 12]),
        ("weekday", "0", [0]),
        ("weekday", "7", [0]),
        ("weekday", "6", [6]),
        ("minute", "007", [7]),
        ("minute", "000000007", [7]),
        ("minute", "5-8", [5, 6, 7, 8]),
        ("minute", "5-5", [5]),
        ("minute", "58-1", [0, 1, 58, 59]),
        ("hour", "22-2", [0, 1, 2, 22, 23]),
        ("hour", "22-2/2", [0, 2, 22]),
        ("hour", "21-2/2", [1, 21, 23]),
        ("month", "NOV-FEB", [1, 2, 11, 12]),
        ("day", "30-2", [1, 2, 30, 31]),
        ("weekday", "FRI-MON", [0, 1, 5, 6]),
        ("weekday", "5-7", [0, 5, 6]),
        ("weekday", "1-7", [*range(7)]),
        ("weekday", "7-2", [0, 1, 2]),
        ("weekday", "0-7", [*range(7)]),
        ("weekday", "5/2", [5]),
        ("weekday", "4/2", [4, 6]),
        ("weekday", "7/2", [0]),
        ("minute", "*/20", [0, 20, 40]),
        ("minute", "*/1", [*range(60)]),
        ("minute", "*/100", [0]),
        ("day", "*/10", [1, 11, 21, 31]),
        ("month", "*/5", [1, 6, 11]),
        ("minute", "50/3", [50, 53, 56, 59]),
        ("minute", "59/3", [59]),
        ("day", "29/1", [29, 30, 31]),
        ("minute", "10-20/5", [10, 15, 20]),
        ("minute", "10-10/5", [10]),
        ("minute", "10-19/5", [10, 15]),
        ("month", "JAN", [1]),
        ("month", "dec", [12]),
        ("month", "Mar,may", [3, 5]),
        ("month", "JAN-MAR", [1, 2, 3]),
        ("month", "JAN-DEC/6", [1, 7]),
        ("month", "FEB,APR,JUN,JUL,AUG,SEP,OCT,NOV", [2, 4, 6, 7, 8, 9, 10, 11]),
        ("weekday", "SUN", [0]),
        ("weekday", "MON", [1]),
        ("weekday", "TUE", [2]),
        ("weekday", "WED", [3]),
        ("weekday", "THU", [4]),
        ("weekday", "FRI", [5]),
        ("weekday", "sat", [6]),
        ("weekday", "sun-tue", [0, 1, 2]),
        ("minute", "1,1,1", [1]),
        ("minute", "5,1-2,*/30", [0, 1, 2, 5, 30]),
        ("day", "5,L", [5]),
        ("year", "1970", [0]),
        ("year", "2199", [229]),
        ("year", "1971-1973", [1, 2, 3]),
        ("year", "2190/4", [220, 224, 228]),
        ("year", "*/100", [0, 100, 200]),
    ],
)
def test_the_values_that_a_field_names(name: str, text: str, numbers: list[int]) -> None:
    assert values(parsed(name, text).bits) == numbers


@pytest.mark.parametrize(
    ("name", "text", "specials"),
    [
        ("day", "L", [Special(Kind.LAST, 0)]),
        ("day", "l", [Special(Kind.LAST, 0)]),
        ("day", "L-1", [Special(Kind.LAST, 1)]),
        ("day", "L-30", [Special(Kind.LAST, 30)]),
        ("day", "L-000000030", [Special(Kind.LAST, 30)]),
        ("day", "LW", [Special(Kind.LAST_WORKDAY, 0)]),
        ("day", "lw", [Special(Kind.LAST_WORKDAY, 0)]),
        ("day", "L-3W", [Special(Kind.LAST_WORKDAY, 3)]),
        ("day", "15W", [Special(Kind.WORKDAY, 15)]),
        ("day", "000000015W", [Special(Kind.WORKDAY, 15)]),
        ("day", "1,L,15w", [Special(Kind.LAST, 0), Special(Kind.WORKDAY, 15)]),
        ("weekday", "5L", [Special(Kind.LAST_OF, 0, 5)]),
        ("weekday", "fril", [Special(Kind.LAST_OF, 0, 5)]),
        ("weekday", "7L", [Special(Kind.LAST_OF, 0, 0)]),
        ("weekday", "0L", [Special(Kind.LAST_OF, 0, 0)]),
        ("weekday", "1#1", [Special(Kind.NTH, 1, 1)]),
        ("weekday", "MON#5", [Special(Kind.NTH, 5, 1)]),
        ("weekday", "7#2", [Special(Kind.NTH, 2, 0)]),
        ("weekday", "1,2#3", [Special(Kind.NTH, 3, 2)]),
    ],
)
def test_the_days_that_a_field_lets_compute(name: str, text: str, specials: list[Special]) -> None:
    assert parsed(name, text).specials == tuple(specials)


def test_a_computed_day_is_no_value() -> None:
    assert [parsed("day", text).bits for text in ("L", "15W")] == [0, 0]
    assert [parsed("weekday", text).bits for text in ("5L", "1#1")] == [0, 0]


@pytest.mark.parametrize(
    ("text", "star", "all_of_them"),
    [
        ("*", True, True),
        ("?", True, True),
        ("*/2", True, False),
        ("*/1", True, True),
        ("1-31", False, True),
        ("1,*", False, True),
        ("1", False, False),
        ("L", False, False),
        ("2-31", False, False),
        ("1-30", False, False),
    ],
)
def test_a_star_is_what_begins_with_one_and_all_is_what_names_all(
    text: str, star: bool, all_of_them: bool
) -> None:
    field = parsed("day", text)

    assert (field.is_star, field.is_all) == (star, all_of_them)


def test_the_years_of_a_field_are_those_of_the_calendar() -> None:
    assert parsed("year", "1970,2026-2027,2199").years == {1970, 2026, 2027, 2199}
    assert parsed("year", "*").is_all
    assert not parsed("year", "1970-2198").is_all
    assert len(parsed("year", "*").years) == 230


@pytest.mark.parametrize(
    ("name", "text", "least", "most"),
    [
        ("second", "H", "0", "59"),
        ("minute", "H", "0", "59"),
        ("minute", "h", "0", "59"),
        ("hour", "H", "0", "23"),
        ("day", "H", "1", "28"),  # every month has 28 days
        ("month", "H", "1", "12"),
        ("weekday", "H", "0", "6"),
        ("year", "H", "1970", "2199"),
        ("hour", "H(9-17)", "9", "17"),
        ("hour", "H(9-9)", "9", "9"),
        ("minute", "H(0-59)", "0", "59"),
        ("day", "H(1-31)", "1", "31"),
        ("day", "H(31-31)", "31", "31"),
        ("minute", "H/15", "0-59/15", "14-59/15"),
        ("minute", "H/1", "0-59/1", "0-59/1"),
        ("day", "H/7", "1-28/7", "7-28/7"),
        ("hour", "H(9-17)/4", "9-17/4", "12-17/4"),
        ("hour", "H(9-17)/100", "9-17/100", "17-17/100"),
        ("minute", "5", "5", "5"),
        ("minute", "*/5", "*/5", "*/5"),
        ("minute", "H,30", "0,30", "59,30"),
        ("minute", "5,H(10-20),H/30", "5,10,0-59/30", "5,20,29-59/30"),
        ("weekday", "THU", "THU", "THU"),
        ("minute", "H(1-2", "H(1-2", "H(1-2"),
        ("minute", "H(00001-2)", "H(00001-2)", "H(00001-2)"),
        ("year", "H(2026-2030)", "2026", "2030"),
    ],
)
def test_a_hash_is_replaced_by_a_value_of_its_range(name: str, text: str, least: str, most: str) -> None:
    assert expanded(FIELD[name], text, lambda limit: 0) == least
    assert expanded(FIELD[name], text, lambda limit: limit - 1) == most


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("minute", "H(5-60)", "Minute: H(5-60): the range of H goes from 0 to 59."),
        ("minute", "H(7-6)", "Minute: H(7-6): the range of H goes from 0 to 59."),
        ("day", "H(0-5)", "Day of the month: H(0-5): the range of H goes from 1 to 31."),
        ("day", "h(5-32)", "Day of the month: h(5-32): the range of H goes from 1 to 31."),
        ("minute", "1,H/0", "Minute: H/0: a step is 1 or more."),
    ],
)
def test_an_impossible_hash_is_refused(name: str, text: str, message: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        expanded(FIELD[name], text, lambda limit: 0)

    assert str(refused.value) == message
    assert refused.value.part == name


def test_a_stored_expression_has_ascii_digits_too() -> None:
    with pytest.raises(ScheduleError, match="is no day of the month"):
        read("0 0 \u0663 * *")
