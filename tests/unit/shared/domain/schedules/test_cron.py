"""Whole expressions: layouts, macros and hashes, what follows real time, and how two day fields meet."""

from datetime import timedelta

import pytest

from shared.domain.errors import ScheduleError
from shared.domain.schedules import Cron, Interval, parse_cron
from shared.domain.schedules.cron import read
from tests.support.instants import utc, values

ANCHOR = utc("2026-01-01 00:00")


def test_five_fields_count_minutes() -> None:
    rule = read("1 2 3 4 5").rule

    assert (values(rule.hours), values(rule.minutes), values(rule.seconds)) == ([2], [1], [0])
    days = read("1 2 3 4 5").days
    assert (values(days.days), values(days.months), values(days.weekdays)) == ([3], [4], [5])
    assert days.years == frozenset()


def test_a_sixth_field_in_front_counts_seconds_and_a_seventh_at_the_end_names_years() -> None:
    six, seven = read("7 1 2 3 4 5"), read("7 1 2 3 4 5 2030-2031")

    for rule in (six.rule, seven.rule):
        assert (values(rule.hours), values(rule.minutes), values(rule.seconds)) == ([2], [1], [7])
    assert six.days.years == frozenset()
    assert seven.days.years == {2030, 2031}
    assert values(seven.days.weekdays) == [5]


def test_all_years_are_no_restriction() -> None:
    assert read("0 0 0 1 1 ? *").days.years == frozenset()
    assert read("0 0 0 1 1 ? 1970-2199").days.years == frozenset()


def test_an_expression_knows_its_fields_by_name() -> None:
    expression = read("1 2 3 4 5")

    assert [
        getattr(expression.field(name), "text", None) for name in ("minute", "weekday", "second", "year")
    ] == [
        "1",
        "5",
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("expression", "fixed"),
    [
        ("0 9 * * *", True),
        ("0-59 9 * * *", True),
        ("0,*/5 9 * * *", True),
        ("* 9 * * *", False),
        ("*/5 9 * * *", False),
        ("0 * * * *", False),
        ("0 */2 * * *", False),
        ("0 0 9 * * *", True),
        ("* 0 9 * * *", False),
        ("0 * 9 * * *", False),
        ("0 0 * * * *", False),
    ],
)
def test_a_time_of_day_that_begins_with_a_star_follows_real_time(expression: str, fixed: bool) -> None:
    assert read(expression).rule.is_fixed is fixed


@pytest.mark.parametrize(
    ("days", "either"),
    [
        ("13 * 5", True),
        ("13 * 5L", True),
        ("* * 5", False),
        ("13 * *", False),
        ("? * 5", False),
        ("13 * ?", False),
        ("*/2 * 5", False),
        ("13 * */2", False),
        ("* * *", False),
        ("1,* * 5", True),
    ],
)
def test_one_day_field_is_enough_if_none_begins_with_a_star(days: str, either: bool) -> None:
    assert read(f"0 0 {days}").days.either is either


@pytest.mark.parametrize(
    ("macro", "expression"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
        ("  @Hourly ", "0 * * * *"),
    ],
)
def test_a_macro_is_an_expression(macro: str, expression: str) -> None:
    assert parse_cron(macro) == Cron(expr=expression, typed=macro.strip().lower())


def test_space_between_fields_is_made_one() -> None:
    assert parse_cron(" 0\t 9  * *\t\tMON-FRI ") == Cron(expr="0 9 * * MON-FRI")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("@every 5m", 300),
        ("@every 1h30m", 5_400),
        ("@EVERY 1H 30M", 5_400),
        ("@every 1w", 604_800),
        ("@every 2d", 172_800),
        ("@every 1s", 1),
        ("@every 000000001s", 1),
        ("@every 1w1d1h1m1s", 694_861),
    ],
)
def test_every_is_an_interval(text: str, seconds: int) -> None:
    assert parse_cron(text, anchor=ANCHOR) == Interval(every=timedelta(seconds=seconds), anchor=ANCHOR)


EVERY = "Give whole numbers with units w, d, h, m or s, such as @every 5m or @every 1h30m."
NO_MACRO = (
    "is no macro. Choose one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, @every 5m."
)
LAYOUT = (
    "An expression has 5 fields (minute, hour, day, month, weekday), 6 with seconds first, 7 with years last; "  # noqa: E501
    "this one has"
)


@pytest.mark.parametrize(
    ("text", "part", "place", "message"),
    [
        ("* * * *", "fields", None, f"{LAYOUT} 4."),
        ("* * * * * * * *", "fields", None, f"{LAYOUT} 8."),
        ("H * * *", "fields", None, f"{LAYOUT} 4."),
        (
            "x" * 256,
            "fields",
            None,
            "The expression has 256 characters; at most 255 fit. Make two schedules of it.",
        ),
        ("é * * * *", "fields", (0, 1), "'é' at character 1 belongs in no expression. Remove it."),
        ("0 0 ½ * *", "fields", (4, 5), "'½' at character 5 belongs in no expression. Remove it."),
        ("0 0 * *\n*", "fields", (7, 8), "'\\n' at character 8 belongs in no expression. Remove it."),
        ("0 0 * * \x7f", "fields", (8, 9), "'\\x7f' at character 9 belongs in no expression. Remove it."),
        ("", "fields", None, "Type an expression, such as 0 9 * * MON-FRI."),
        (" \t ", "fields", None, "Type an expression, such as 0 9 * * MON-FRI."),
        ("@foo", "macro", None, f"'@foo' {NO_MACRO}"),
        ("@daily 5", "macro", None, f"'@daily 5' {NO_MACRO}"),
        ("@" + "x" * 50, "macro", None, f"'@{'x' * 39}' {NO_MACRO}"),
        (
            "@Reboot",
            "macro",
            None,
            "@reboot names no instant: a job belongs to no machine that starts. Choose a time.",
        ),
        ("@every", "macro", None, EVERY),
        ("@every 5", "macro", None, EVERY),
        ("@every 1.5h", "macro", None, EVERY),
        ("@every 5m x", "macro", None, EVERY),
        ("@every 1234567890s", "macro", None, EVERY),
        ("@every 5m", "anchor", None, "@every needs an instant from which to count."),
    ],
)
def test_what_is_no_expression_is_refused_with_a_reason(
    text: str, part: str, place: tuple[int, int] | None, message: str
) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_cron(text)

    assert str(refused.value) == message
    assert (refused.value.field, refused.value.part, refused.value.place) == ("schedule", part, place)


def test_the_longest_expression_is_read() -> None:
    text = ",".join(["59"] * 82) + " 00 01 1 1"

    assert len(text) == 255
    assert parse_cron(text) == Cron(expr=text)


def test_an_interval_too_long_is_refused_at_its_own_field() -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_cron("@every 367d", anchor=ANCHOR)

    assert refused.value.field == "every_s"


def test_a_seed_chooses_what_a_hash_stands_for() -> None:
    # The first eight bytes of SHA-256 of `minute|a-job`, modulo 60; and so on for each field.
    assert parse_cron("H H * * *", seed="a-job") == Cron(expr="59 2 * * *", typed="H H * * *")
    assert parse_cron("  H  H * * *", seed="a-job") == Cron(expr="59 2 * * *", typed="H H * * *")


def test_without_a_seed_the_expression_chooses() -> None:
    assert parse_cron(" h  9 * * *") == parse_cron("h 9 * * *", seed="h 9 * * *")
    assert parse_cron("H 10 * * *") == Cron(expr="30 10 * * *", typed="H 10 * * *")


def test_what_was_expanded_keeps_what_was_typed() -> None:
    cron = parse_cron("H/20 9 * * THU", seed="a-job")

    assert isinstance(cron, Cron)
    assert cron.typed == "H/20 9 * * THU"
    assert cron.expr.endswith("-59/20 9 * * THU")


def test_without_a_hash_nothing_is_kept_as_typed() -> None:
    assert parse_cron("0 9 * * THU", seed="a-job") == Cron(expr="0 9 * * THU", typed=None)


def test_a_stored_expression_is_read_when_it_is_made() -> None:
    with pytest.raises(ScheduleError, match="Hour: 24 is outside 0-23"):
        Cron(expr="0 24 * * *")


def test_its_fires_are_those_of_its_rule() -> None:
    table = parse_cron("30 9 * * MON").fires("Asia/Hong_Kong")

    assert table.zone == "Asia/Hong_Kong"
    assert table.rule is not None
    assert (values(table.rule.hours), values(table.rule.minutes)) == ([9], [30])
