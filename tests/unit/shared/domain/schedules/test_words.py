"""The sentence of an expression: one line for each shape that a sentence can take."""

from datetime import date

import pytest

from shared.domain.schedules import parse_cron
from shared.domain.schedules.words import listed, members, on_weekdays, ordinal
from tests.support.instants import bits, utc

SENTENCES = [
    ("* * * * *", "Every minute"),
    ("*/5 * * * *", "Every 5 minutes"),
    ("*/7 * * * *", "Every hour at :00, :07, :14, :21, :28, :35, :42, :49 and :56"),
    ("*/30 * * * *", "Every 30 minutes"),
    ("5 * * * *", "Every hour at :05"),
    ("5,35 * * * *", "Every hour at :05 and :35"),
    ("0 9 * * *", "Every day at 09:00"),
    ("15,45 9 * * *", "Every day at 09:15 and 09:45"),
    ("0 9,12,18 * * *", "Every day at 09:00, 12:00 and 18:00"),
    ("0 0-5 * * *", "Every day at 00:00, 01:00, 02:00, 03:00, 04:00 and 05:00"),
    ("0 0-6 * * *", "At :00 from 00:00 to 06:59"),
    ("30 12 1 1 *", "At 12:30, on the 1st of January"),
    ("5 */2 * * *", "At :05 of every 2nd hour"),
    ("5,10 */2 * * *", "At :05 and :10 of every 2nd hour"),
    ("* */2 * * *", "Every minute of every 2nd hour"),
    ("* 9-17 * * *", "Every minute from 09:00 to 17:59"),
    ("*/5 9-17 * * *", "Every 5 minutes from 09:00 to 17:59"),
    ("0-5 0,2,3,4,5,6,7 * * *", "At :00 to :05 in the hours 00, 02, 03, 04, 05, 06 and 07"),
    ("* 0-22 * * *", "Every minute from 00:00 to 22:59"),
    ("* 1-23 * * *", "Every minute from 01:00 to 23:59"),
    ("* 22,0 * * *", "Every minute in the hours 00 and 22"),
    ("*/20 */8 * * *", "Every 20 minutes of every 8th hour"),
    ("10-12 * * * *", "Every hour at :10 to :12"),
    ("0,1 0-11 * * *", "At :00 and :01 from 00:00 to 11:59"),
    ("* * * * * *", "Every second"),
    ("*/10 * * * * *", "Every 10 seconds"),
    ("15 * * * * *", "At second 15 of every minute"),
    ("15,30 * * * * *", "At seconds 15 and 30 of every minute"),
    ("*/10 5 * * * *", "Every 10 seconds in minute :05"),
    ("*/10 5,6,7 * * * *", "Every 10 seconds in minutes :05 to :07"),
    ("10-20 5,7 * * * *", "At seconds 10 to 20 in minutes :05 and :07"),
    ("3 4 5 * * *", "Every day at 05:04:03"),
    ("0,30 4 5 * * *", "Every day at 05:04 and 05:04:30"),
    (
        "*/15 */5 9 * * *",
        "Every 15 seconds in minutes :00, :05, :10, :15, :20, :25, :30, :35, :40, :45, :50 and :55 from 09:00 to 09:59",  # noqa: E501
    ),
    ("0 9 * * 1-5", "At 09:00, on weekdays"),
    ("0 9 * * 0,6", "At 09:00, at weekends"),
    ("0 9 * * 1", "At 09:00, on Monday"),
    ("0 9 * * 6", "At 09:00, on Saturday"),
    ("0 9 * * 1,3", "At 09:00, on Monday and Wednesday"),
    ("0 9 * * 1,3,5", "At 09:00, on Monday, Wednesday and Friday"),
    ("0 9 * * 5-7", "At 09:00, on Friday to Sunday"),
    ("0 9 * * 5-1", "At 09:00, on Monday, Friday, Saturday and Sunday"),
    ("0 9 * * 0,1", "At 09:00, on Monday and Sunday"),
    ("0 9 1 * *", "At 09:00, on the 1st of the month"),
    ("0 9 2,3 * *", "At 09:00, on the 2nd and 3rd of the month"),
    ("0 9 1-5 * *", "At 09:00, on the 1st to 5th of the month"),
    ("0 9 */2 * *", "At 09:00, on every 2nd day from the 1st of the month"),
    ("0 9 2/5 * *", "At 09:00, on every 5th day from the 2nd of the month"),
    ("0 9 1,8,15,22,29 * *", "At 09:00, on every 7th day from the 1st of the month"),
    ("0 9 1,11,21,31 * *", "At 09:00, on the 1st, 11th, 21st and 31st of the month"),
    ("0 9 1-9/2 * *", "At 09:00, on the 1st, 3rd, 5th, 7th and 9th of the month"),
    ("0 9 11,12,13,21,22,23 * *", "At 09:00, on the 11th, 12th, 13th, 21st, 22nd and 23rd of the month"),
    ("0 9 * 1 *", "At 09:00, in January"),
    ("0 9 * 1,7 *", "At 09:00, in January and July"),
    ("0 9 * 6-8 *", "At 09:00, in June to August"),
    ("0 9 * */3 *", "At 09:00, in January, April, July and October"),
    ("0 9 1 1 *", "At 09:00, on the 1st of January"),
    ("0 9 13 * 5", "At 09:00, on the 13th of the month or on Friday"),
    ("0 9 1-31 * 5", "Every day at 09:00"),
    ("0 9 13 * 0-6", "Every day at 09:00"),
    ("0 9 13 6 0-6", "At 09:00, in June"),
    ("0 9 */2 * 5", "At 09:00, on every 2nd day from the 1st of the month, if it is also Friday"),
    ("0 9 1 6 5", "At 09:00, on the 1st of June or on Friday in June"),
    ("0 9 1 1,2 1-5", "At 09:00, on the 1st of January and February or on weekdays in January and February"),
    ("0 9 * 6 1", "At 09:00, on Monday in June"),
    ("0 9 L * *", "At 09:00, on the last day of the month"),
    ("0 9 L-1 * *", "At 09:00, on the 2nd last day of the month"),
    ("0 9 L-2 * *", "At 09:00, on the 3rd last day of the month"),
    ("0 9 LW * *", "At 09:00, on the last weekday of the month"),
    ("0 9 L-3W * *", "At 09:00, on the weekday nearest to the 4th last day of the month"),
    ("0 9 15W * *", "At 09:00, on the weekday nearest to the 15th of the month"),
    (
        "0 9 1,15W,L * *",
        "At 09:00, on the 1st, the weekday nearest to the 15th and the last day of the month",
    ),
    ("0 9 * * 5L", "At 09:00, on the last Friday"),
    ("0 9 * * 1#2", "At 09:00, on the second Monday"),
    ("0 9 * * 1#1", "At 09:00, on the first Monday"),
    ("0 9 * * 0#5", "At 09:00, on the fifth Sunday"),
    ("0 9 * * 1#3,1#4", "At 09:00, on the third Monday and on the fourth Monday"),
    ("0 9 * * 1,5L", "At 09:00, on Monday and on the last Friday"),
    ("0 9 L * 5L", "At 09:00, on the last day of the month or on the last Friday"),
    ("0 9 L * 5", "At 09:00, on the last day of the month or on Friday"),
    ("0 0 9 * * ? 2027", "At 09:00, in 2027"),
    ("0 0 9 * * ? 2027,2029", "At 09:00, in 2027 and 2029"),
    ("0 0 9 * * ? 2027-2030", "At 09:00, from 2027 to 2030"),
    ("0 0 9 1 1 ? 2027-2028", "At 09:00, on the 1st of January in 2027 and 2028"),
    ("0 0 9 * 6 ? 2027,2028,2030", "At 09:00, in June in 2027, 2028 and 2030"),
    ("* * * * * ? 2027", "Every second, in 2027"),
    ("0 9 ? * *", "Every day at 09:00"),
    ("@daily", "Every day at 00:00"),
    ("@hourly", "Every hour at :00"),
    ("@every 90m", "Every 90 minutes"),
    (
        "1-59/2 * * * *",
        "Every hour at :01, :03, :05, :07, :09, :11, :13, :15, :17, :19, :21, :23, :25, :27, :29, :31, :33, :35, :37, :39, :41, :43, :45, :47, :49, :51, :53, :55, :57 and :59",  # noqa: E501
    ),
    ("0,1,30 * * * *", "Every hour at :00, :01 and :30"),
    ("* 0 * * *", "Every minute from 00:00 to 00:59"),
    ("0 * * * *", "Every hour at :00"),
    ("0,30 0-3 * * *", "Every 30 minutes from 00:00 to 03:59"),
    ("0,20,40 0,12 * * *", "Every day at 00:00, 00:20, 00:40, 12:00, 12:20 and 12:40"),
    ("0,15,30,45 0,12 * * *", "Every 15 minutes of every 12th hour"),
    ("0 0 0,1,2 * * *", "Every day at 00:00, 01:00 and 02:00"),
    ("0 0,30 * * * *", "Every 30 minutes"),
    ("1 * * * * *", "At second 1 of every minute"),
    ("0 9 */2 2 5", "At 09:00, on every 2nd day from the 1st of February, if it is also Friday"),
    ("0 9 1 6 MON-WED", "At 09:00, on the 1st of June or on Monday to Wednesday in June"),
    ("0 9 L 6,7 5L", "At 09:00, on the last day of June and July or on the last Friday in June and July"),
    ("0 9 1-31/3 * *", "At 09:00, on every 3rd day from the 1st of the month"),
    ("0 9 1,4,7,10,13 * *", "At 09:00, on the 1st, 4th, 7th, 10th and 13th of the month"),
    ("0 9 1-5,15 * *", "At 09:00, on the 1st, 2nd, 3rd, 4th, 5th and 15th of the month"),
    ("0 9 1-3 * *", "At 09:00, on the 1st to 3rd of the month"),
    ("0 9 1,3,5 * *", "At 09:00, on the 1st, 3rd and 5th of the month"),
    ("0 9 3 * *", "At 09:00, on the 3rd of the month"),
    ("0 9 23 * *", "At 09:00, on the 23rd of the month"),
    ("0 9 * * 6,7", "At 09:00, at weekends"),
    ("0 9 * * 2-6", "At 09:00, on Tuesday to Saturday"),
    ("0 9 * * MON#5", "At 09:00, on the fifth Monday"),
    ("0 9 15W 6 *", "At 09:00, on the weekday nearest to the 15th of June"),
    (
        "0 9 L-1,L-2W * *",
        "At 09:00, on the 2nd last day and the weekday nearest to the 3rd last day of the month",
    ),
    ("30,45 10 1 1 1#1", "At 10:30 and 10:45, on the 1st of January or on the first Monday in January"),
    ("0 0 0 1 1 ? 1999-2001", "At 00:00, on the 1st of January from 1999 to 2001"),
    ("0 0 0 ? * 2-4 2027/50", "At 00:00, on Tuesday to Thursday in 2027, 2077, 2127 and 2177"),
    ("0-10 1 * * *", "At :00 to :10 from 01:00 to 01:59"),
    ("5-30/5 1,2 * * *", "At :05, :10, :15, :20, :25 and :30 from 01:00 to 02:59"),
    ("30 0 9 * * *", "Every day at 09:00:30"),
    ("0-4 0 9,10 * * *", "At seconds 0 to 4 in minute :00 from 09:00 to 10:59"),
    ("0-30/30 */30 */12 * * *", "Every 30 seconds in minutes :00 and :30 of every 12th hour"),
    ("20-50/10 20-22 * * * *", "At seconds 20, 30, 40 and 50 in minutes :20 to :22"),
    (
        "5/7 0-10/2 * * *",
        "At :05, :12, :19, :26, :33, :40, :47 and :54 in the hours 00, 02, 04, 06, 08 and 10",
    ),
    ("*/10 */15 * * * *", "Every 10 seconds in minutes :00, :15, :30 and :45"),
    ("30 */15 * * * *", "At second 30 in minutes :00, :15, :30 and :45"),
    ("30 */15 */6 * * *", "At second 30 in minutes :00, :15, :30 and :45 of every 6th hour"),
]


@pytest.mark.parametrize(("expression", "sentence"), SENTENCES)
def test_an_expression_is_said_in_one_sentence(expression: str, sentence: str) -> None:
    assert parse_cron(expression, anchor=utc("2026-01-01 00:00")).describe() == sentence


def test_it_does_not_matter_how_a_rule_was_written() -> None:
    assert parse_cron("0-59/5 0-23 1-31 JAN-DEC SUN-SAT").describe() == "Every 5 minutes"


def test_every_month_has_its_name() -> None:
    names = [
        parse_cron(f"0 0 1 {month} *").describe().removeprefix("At 00:00, on the 1st of ")
        for month in range(1, 13)
    ]

    assert names == [date(2026, month, 1).strftime("%B") for month in range(1, 13)]


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (10, "10th"), (11, "11th"), (12, "12th"), (13, "13th"),  # noqa: E501
        (14, "14th"), (21, "21st"), (22, "22nd"), (23, "23rd"), (30, "30th"), (101, "101st"), (102, "102nd"),
        (111, "111th"), (112, "112th"), (113, "113th"), (121, "121st"),
    ],
)  # fmt: skip
def test_an_ordinal_has_its_ending(number: int, word: str) -> None:
    assert ordinal(number) == word


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ([1, 2, 3, 4, 5], "on weekdays"),
        ([0, 6], "at weekends"),
        ([0, 1], "on Monday and Sunday"),
        ([0, 5, 6], "on Friday to Sunday"),
        ([0, 1, 2, 3, 4, 5, 6], "on Monday to Sunday"),
        ([0], "on Sunday"),
        ([6], "on Saturday"),
    ],
)
def test_weekdays_are_read_from_monday_to_sunday(days: list[int], words: str) -> None:
    assert on_weekdays(bits(days)) == words


def test_words_are_joined_as_english_does() -> None:
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_the_members_of_bits_are_the_numbers_of_those_set() -> None:
    assert members(0b1000_0101) == [0, 2, 7]
