"""What a cron expression may not say: each is refused at its part and place, with the remedy."""

import pytest

from shared.domain.errors import ScheduleError
from shared.domain.schedules import parse_cron

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
