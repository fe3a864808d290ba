"""What a field may say, which values it names then, and what is told about everything else."""

import pytest

from shared.domain.errors import ScheduleError
from shared.domain.schedules import parse_cron
from shared.domain.schedules.cron import read
from shared.domain.schedules.cron_fields import FIELDS, Parsed, expanded, parse_field
from shared.domain.schedules.days import Kind, Special
from tests.support.instants import values

FIELD = {field.name: field for field in FIELDS}


def parsed(name: str, text: str, start: int = 0) -> Parsed:
    return parse_field(FIELD[name], text, start)


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


def test_a_field_stands_where_its_text_stands() -> None:
    field = parsed("minute", "5,10", start=7)

    assert (field.start, field.end) == (7, 11)
    assert [(one.start, one.end) for one in read("5 10  * */2 FRI").fields] == [
        (0, 1),
        (2, 4),
        (6, 7),
        (8, 11),
        (12, 15),
    ]


def test_the_years_of_a_field_are_those_of_the_calendar() -> None:
    assert parsed("year", "1970,2026-2027,2199").years == {1970, 2026, 2027, 2199}
    assert parsed("year", "*").is_all
    assert not parsed("year", "1970-2198").is_all
    assert len(parsed("year", "*").years) == 230


REFUSED = [
    ("60 0 9 * * *", "second", (0, 2), "Second: 60 is outside 0-59."),
    ("x 0 9 * * *", "second", (0, 1), "Second: 'X' is no second. Write a number from 0 to 59."),
    ("a * * * *", "minute", (0, 1), "Minute: 'A' is no minute. Write a number from 0 to 59."),
    ("60 * * * *", "minute", (0, 2), "Minute: 60 is outside 0-59."),
    ("70 * * * *", "minute", (0, 2), "Minute: 70 is outside 0-59."),
    ("* 24 * * *", "hour", (2, 4), "Hour: 24 is outside 0-23."),
    ("* * 0 * *", "day", (4, 5), "Day of the month: 0 is outside 1-31."),
    ("* * 32 * *", "day", (4, 6), "Day of the month: 32 is outside 1-31."),
    ("* * * 13 *", "month", (6, 8), "Month: 13 is outside 1-12."),
    ("* * * 0 *", "month", (6, 7), "Month: 0 is outside 1-12."),
    ("* * * * 8", "weekday", (8, 9), "Day of the week: 8 is outside 0-6."),
    (
        "* * * FOO *",
        "month",
        (6, 9),
        "Month: 'FOO' is no month. Write a number from 1 to 12 or a name from JAN to DEC.",
    ),
    ("* * * JANUARY *", "month", (6, 13), "Month: 'JANUARY' is no month. Did you mean JAN?"),
    ("* * * JNA *", "month", (6, 9), "Month: 'JNA' is no month. Did you mean JUN?"),
    (
        "* * * * MONDAY",
        "weekday",
        (8, 14),
        "Day of the week: 'MONDAY' is no day of the week. Did you mean MON?",
    ),
    ("* * * * TEU", "weekday", (8, 11), "Day of the week: 'TEU' is no day of the week. Did you mean TUE?"),
    (
        "* * * * QQQ",
        "weekday",
        (8, 11),
        "Day of the week: 'QQQ' is no day of the week. Write a number from 0 to 6 or a name from SUN to SAT.",
    ),
    ("*/0 * * * *", "minute", (0, 3), "Minute: after / comes a whole number, 1 or more, not '0'."),
    ("*/ * * * *", "minute", (0, 2), "Minute: after / comes a whole number, 1 or more, not nothing."),
    ("*/x * * * *", "minute", (0, 3), "Minute: after / comes a whole number, 1 or more, not 'X'."),
    ("*/1x * * * *", "minute", (0, 4), "Minute: after / comes a whole number, 1 or more, not '1X'."),
    ("1,,2 * * * *", "minute", (2, 3), "Minute: nothing is no minute. Write a number from 0 to 59."),
    ("1, * * * *", "minute", (2, 3), "Minute: nothing is no minute. Write a number from 0 to 59."),
    (",1 * * * *", "minute", (0, 1), "Minute: nothing is no minute. Write a number from 0 to 59."),
    ("5,99 * * * *", "minute", (2, 4), "Minute: 99 is outside 0-59."),
    ("1-2-3 * * * *", "minute", (0, 5), "Minute: '2-3' is no minute. Write a number from 0 to 59."),
    ("- * * * *", "minute", (0, 1), "Minute: nothing is no minute. Write a number from 0 to 59."),
    ("5- * * * *", "minute", (0, 2), "Minute: nothing is no minute. Write a number from 0 to 59."),
    ("-5 * * * *", "minute", (0, 2), "Minute: nothing is no minute. Write a number from 0 to 59."),
    ("1/2/3 * * * *", "minute", (0, 5), "Minute: after / comes a whole number, 1 or more, not '2/3'."),
    (
        "? * * * *",
        "minute",
        (0, 1),
        "Minute: ? stands alone, for the day of the month or of the week. Write *.",
    ),
    (
        "* * ?,1 * *",
        "day",
        (4, 5),
        "Day of the month: ? stands alone, for the day of the month or of the week. Write *.",
    ),
    (
        "* * 1,? * *",
        "day",
        (6, 7),
        "Day of the month: ? stands alone, for the day of the month or of the week. Write *.",
    ),
    (
        "* * * ? *",
        "month",
        (6, 7),
        "Month: ? stands alone, for the day of the month or of the week. Write *.",
    ),
    (
        "* * ?/2 * *",
        "day",
        (4, 7),
        "Day of the month: '?' is no day of the month. Write a number from 1 to 31.",
    ),
    (
        "* * * * L",
        "weekday",
        (8, 9),
        "Day of the week: L needs a day of the week before it, such as 5L or FRIL: the last Friday.",
    ),
    (
        "* * * * L,1",
        "weekday",
        (8, 9),
        "Day of the week: L needs a day of the week before it, such as 5L or FRIL: the last Friday.",
    ),
    (
        "* * * * XL",
        "weekday",
        (8, 10),
        "Day of the week: 'X' is no day of the week. Write a number from 0 to 6 or a name from SUN to SAT.",
    ),
    ("* * * * 8L", "weekday", (8, 10), "Day of the week: 8 is outside 0-6."),
    ("* * * * 1#", "weekday", (8, 10), "Day of the week: after # comes 1 to 5, not nothing."),
    ("* * * * 1#0", "weekday", (8, 11), "Day of the week: after # comes 1 to 5, not '0'."),
    ("* * * * 1#6", "weekday", (8, 11), "Day of the week: after # comes 1 to 5, not '6'."),
    (
        "* * * * #1",
        "weekday",
        (8, 10),
        "Day of the week: nothing is no day of the week. Write a number from 0 to 6 or a name from SUN to SAT.",  # noqa: E501
    ),
    ("* * * * 9#1", "weekday", (8, 11), "Day of the week: 9 is outside 0-6."),
    ("* * L-31 * *", "day", (4, 8), "Day of the month: L-31: no month has a day 31 days before its last."),
    (
        "* * L-999999999 * *",
        "day",
        (4, 15),
        "Day of the month: L-999999999: no month has a day 999999999 days before its last.",
    ),
    (
        "* * L-9999999999 * *",
        "day",
        (4, 16),
        "Day of the month: 'L' is no day of the month. Write a number from 1 to 31.",
    ),
    (
        "* * L- * *",
        "day",
        (4, 6),
        "Day of the month: 'L' is no day of the month. Write a number from 1 to 31.",
    ),
    ("* * 32W * *", "day", (4, 7), "Day of the month: 32 is outside 1-31."),
    ("* * 0W * *", "day", (4, 6), "Day of the month: 0 is outside 1-31."),
    (
        "* * W * *",
        "day",
        (4, 5),
        "Day of the month: 'W' is no day of the month. Write a number from 1 to 31.",
    ),
    (
        "* * LWL * *",
        "day",
        (4, 7),
        "Day of the month: 'LWL' is no day of the month. Write a number from 1 to 31.",
    ),
    ("L * * * *", "minute", (0, 1), "Minute: 'L' is no minute. Write a number from 0 to 59."),
    ("5W * * * *", "minute", (0, 2), "Minute: '5W' is no minute. Write a number from 0 to 59."),
    (
        "* * * LW *",
        "month",
        (6, 8),
        "Month: 'LW' is no month. Write a number from 1 to 12 or a name from JAN to DEC.",
    ),
    (
        "* * * 1#1 *",
        "month",
        (6, 9),
        "Month: '1#1' is no month. Write a number from 1 to 12 or a name from JAN to DEC.",
    ),
    (
        "* * * * 15W",
        "weekday",
        (8, 11),
        "Day of the week: '15W' is no day of the week. Write a number from 0 to 6 or a name from SUN to SAT.",
    ),
    ("* * * * * * 1969", "year", (12, 16), "Year: 1969 is outside 1970-2199."),
    ("* * * * * * 2200", "year", (12, 16), "Year: 2200 is outside 1970-2199."),
    (
        "* * * * * * 2030-2020",
        "year",
        (12, 21),
        "Year: 2030-2020 runs backwards. Write the smaller one first.",
    ),
    ("* * * * * * 20x", "year", (12, 15), "Year: '20X' is no year. Write a number from 1970 to 2199."),
    (
        "9999999999 * * * *",
        "minute",
        (0, 10),
        "Minute: '9999999999' is no minute. Write a number from 0 to 59.",
    ),
    (
        "1234567890123456789012345 * * * *",
        "minute",
        (0, 25),
        "Minute: '12345678901234567890' is no minute. Write a number from 0 to 59.",
    ),
    (
        "*/9999999999 * * * *",
        "minute",
        (0, 12),
        "Minute: after / comes a whole number, 1 or more, not '9999999999'.",
    ),
    ("H(1-2 * * * *", "minute", (0, 5), "Minute: 'H(1' is no minute. Write a number from 0 to 59."),
    ("** * * * *", "minute", (0, 2), "Minute: '**' is no minute. Write a number from 0 to 59."),
    ("*5 * * * *", "minute", (0, 2), "Minute: '*5' is no minute. Write a number from 0 to 59."),
    ("1-* * * * *", "minute", (0, 3), "Minute: '*' is no minute. Write a number from 0 to 59."),
    ("*-5 * * * *", "minute", (0, 3), "Minute: '*' is no minute. Write a number from 0 to 59."),
    ("MON * * * *", "minute", (0, 3), "Minute: 'MON' is no minute. Write a number from 0 to 59."),
    (
        "* * MON * *",
        "day",
        (4, 7),
        "Day of the month: 'MON' is no day of the month. Write a number from 1 to 31.",
    ),
    (
        "* * * * XXXXXXXXXXXXXXXXXXXXXXXXX",
        "weekday",
        (8, 33),
        "Day of the week: 'XXXXXXXXXXXXXXXXXXXX' is no day of the week. Write a number from 0 to 6 or a name from SUN to SAT.",  # noqa: E501
    ),
    ("* * * AUGUSTUS *", "month", (6, 14), "Month: 'AUGUSTUS' is no month. Did you mean AUG?"),
    ("* * * JU *", "month", (6, 8), "Month: 'JU' is no month. Did you mean JUN?"),
    ("* * * SEPTEMBERXXXX *", "month", (6, 19), "Month: 'SEPTEMBERXXXX' is no month. Did you mean SEP?"),
    ("1,2,333 * * * *", "minute", (4, 7), "Minute: 333 is outside 0-59."),
    ("0 0 * * 1,2,8", "weekday", (12, 13), "Day of the week: 8 is outside 0-6."),
]


@pytest.mark.parametrize(("expression", "part", "place", "message"), REFUSED)
def test_what_a_field_may_not_say_is_named_with_its_place(
    expression: str, part: str, place: tuple[int, int], message: str
) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_cron(expression)

    assert str(refused.value) == message
    assert (refused.value.field, refused.value.part, refused.value.place) == ("schedule", part, place)


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
