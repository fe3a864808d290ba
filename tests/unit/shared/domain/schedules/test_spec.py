"""The stored form of each kind, both ways, and what is told about a form that is wrong."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from shared.domain.errors import ScheduleError
from shared.domain.schedules import (
    Cron,
    Daily,
    Hourly,
    Interval,
    Manual,
    Monthly,
    Once,
    OnDay,
    OnWeekday,
    Schedule,
    ShortMonths,
    Weekly,
    from_json,
    to_json,
)
from shared.domain.schedules.spec import _whole

ANCHOR = datetime(2026, 1, 1, 12, tzinfo=UTC)
AT = time(9, 30)
START = date(2026, 1, 5)

FORMS: list[tuple[dict[str, Any], Schedule]] = [
    ({"kind": "manual"}, Manual()),
    (
        {"kind": "interval", "every_s": 300, "anchor": "2026-01-01T12:00:00+00:00"},
        Interval(every=timedelta(minutes=5), anchor=ANCHOR),
    ),
    ({"kind": "hourly", "minute": 15}, Hourly(minute=15)),
    ({"kind": "daily", "at": "09:30"}, Daily(at=AT)),
    ({"kind": "daily", "at": "09:30:07"}, Daily(at=time(9, 30, 7))),
    (
        {"kind": "daily", "at": "09:30", "every": 3, "start": "2026-01-05"},
        Daily(at=AT, every=3, start=START),
    ),
    ({"kind": "daily", "at": "09:30", "every": 1, "start": "2026-01-05"}, Daily(at=AT, start=START)),
    (
        {"kind": "weekly", "at": "09:30", "days": ["mon", "fri", "sat", "sun"]},
        Weekly(at=AT, days=frozenset({0, 1, 5, 6})),
    ),
    (
        {
            "kind": "weekly",
            "at": "09:30",
            "days": ["tue", "wed", "thu", "sat"],
            "every": 2,
            "start": "2026-01-05",
        },
        Weekly(at=AT, days=frozenset({2, 3, 4, 6}), every=2, start=START),
    ),
    (
        {"kind": "monthly", "at": "09:30", "day": 31, "short_months": "clamp"},
        Monthly(at=AT, on=OnDay(day=31, short_months=ShortMonths.CLAMP)),
    ),
    (
        {"kind": "monthly", "at": "09:30", "day": 31, "short_months": "skip"},
        Monthly(at=AT, on=OnDay(day=31, short_months=ShortMonths.SKIP)),
    ),
    ({"kind": "monthly", "at": "09:30", "day": "last"}, Monthly(at=AT, on=OnDay(day=None))),
    (
        {"kind": "monthly", "at": "09:30", "weekday": "fri", "nth": 2},
        Monthly(at=AT, on=OnWeekday(weekday=5, nth=2)),
    ),
    (
        {"kind": "monthly", "at": "09:30", "weekday": "sun", "nth": "last"},
        Monthly(at=AT, on=OnWeekday(weekday=0, nth=None)),
    ),
    ({"kind": "once", "at": "2026-12-01T09:00:00"}, Once(at=datetime.fromisoformat("2026-12-01T09:00"))),
    ({"kind": "cron", "expr": "17 4 * * *"}, Cron(expr="17 4 * * *")),
    (
        {"kind": "cron", "expr": "17 4 * * *", "typed": "H 4 * * *"},
        Cron(expr="17 4 * * *", typed="H 4 * * *"),
    ),
]


@pytest.mark.parametrize(("form", "schedule"), FORMS)
def test_a_form_is_read(form: dict[str, Any], schedule: Schedule) -> None:
    assert from_json(form) == schedule


@pytest.mark.parametrize(("form", "schedule"), FORMS)
def test_a_schedule_is_written(form: dict[str, Any], schedule: Schedule) -> None:
    assert list(to_json(schedule).items()) == list(form.items())


def test_what_may_be_left_out_has_a_default() -> None:
    day = {"kind": "monthly", "at": "09:30", "day": 31}

    assert from_json(day) == Monthly(at=AT, on=OnDay(day=31, short_months=ShortMonths.CLAMP))
    assert from_json({"kind": "weekly", "at": "09:30", "days": ("mon",)}) == Weekly(
        at=AT, days=frozenset({1})
    )
    assert from_json({"kind": "interval", "every_s": 300}, anchor=ANCHOR) == Interval(
        every=timedelta(minutes=5), anchor=ANCHOR
    )
    assert from_json({"kind": "interval", "every_s": 300, "anchor": None}, anchor=ANCHOR) == Interval(
        every=timedelta(minutes=5), anchor=ANCHOR
    )


def test_an_anchor_of_its_own_counts_before_the_default() -> None:
    form = {"kind": "interval", "every_s": 300, "anchor": "2026-01-01T20:00:00+08:00"}

    assert from_json(form, anchor=datetime(2020, 1, 1, tzinfo=UTC)) == Interval(
        every=timedelta(minutes=5), anchor=ANCHOR
    )


def test_an_expression_is_read_as_typed() -> None:
    assert from_json({"kind": "cron", "expr": "@every 5m"}, anchor=ANCHOR) == Interval(
        every=timedelta(minutes=5), anchor=ANCHOR
    )
    hashed = from_json({"kind": "cron", "expr": "H 4 * * *"}, seed="a-job")
    assert hashed == Cron(expr="59 4 * * *", typed="H 4 * * *")
    assert from_json({"kind": "cron", "expr": "H 4 * * *", "typed": "@daily"}, seed="a-job") == hashed


def test_what_was_typed_is_kept_only_where_it_differs() -> None:
    assert from_json({"kind": "cron", "expr": "0 4 * * *", "typed": "0 4 * * *"}) == Cron(expr="0 4 * * *")
    assert from_json({"kind": "cron", "expr": "0 4 * * *", "typed": 5}) == Cron(expr="0 4 * * *")
    assert from_json({"kind": "cron", "expr": "0 4 * * *", "typed": "x" * 300}) == Cron(
        expr="0 4 * * *", typed="x" * 255
    )
    assert from_json({"kind": "cron", "expr": "@every 5m", "typed": "x"}, anchor=ANCHOR) == Interval(
        every=timedelta(minutes=5), anchor=ANCHOR
    )


KINDS = "Choose interval, hourly, daily, weekly, monthly, once, cron or manual."
AT_TEXT = "Give the time of day as HH:MM, from 00:00 to 23:59."
LOCAL_TEXT = "Give the local date and time, such as 2026-12-01T09:00."
DAYS_TEXT = "Write days of the week as mon, tue, wed, thu, fri, sat, sun."
CRON_TEXT = "Type an expression, such as 0 9 * * MON-FRI."
START_TEXT = "Give the start as a date, such as 2026-12-01."
EVERY_TEXT = "Give the interval as a whole number of seconds, 1 or more."
ANCHOR_TEXT = "An interval needs an anchor: an instant in ISO 8601 with its offset."


@pytest.mark.parametrize(
    ("form", "part", "message"),
    [
        ({}, "", f"'None' is no kind of schedule. {KINDS}"),
        ({"kind": "x" * 50}, "", f"'{'x' * 40}' is no kind of schedule. {KINDS}"),
        ({"kind": "interval", "every_s": 300}, "anchor", ANCHOR_TEXT),
        ({"kind": "interval", "every_s": 300, "anchor": 5}, "anchor", ANCHOR_TEXT),
        ({"kind": "interval", "every_s": 300, "anchor": "soon"}, "anchor", "The anchor is no instant in ISO 8601."),  # noqa: E501
        ({"kind": "hourly"}, "minute", "Give minute as a whole number."),
        ({"kind": "hourly", "minute": "5"}, "minute", "Give minute as a whole number."),
        ({"kind": "hourly", "minute": True}, "minute", "Give minute as a whole number."),
        ({"kind": "hourly", "minute": 5.0}, "minute", "Give minute as a whole number."),
        ({"kind": "daily"}, "at", AT_TEXT),
        ({"kind": "daily", "at": "9"}, "at", AT_TEXT),
        ({"kind": "daily", "at": "09:30", "every": "2"}, "every", "Give every as a whole number."),
        ({"kind": "daily", "at": "09:30", "every": None}, "every", "Give every as a whole number."),
        ({"kind": "daily", "at": "09:30", "start": "May"}, "start", START_TEXT),
        ({"kind": "daily", "at": "09:30", "start": 5}, "start", START_TEXT),
        ({"kind": "weekly", "at": "09:30"}, "days", "Choose at least one day of the week."),
        ({"kind": "weekly", "at": "09:30", "days": "mon"}, "days", "Choose at least one day of the week."),
        ({"kind": "weekly", "at": "09:30", "days": []}, "days", "Choose at least one day of the week."),
        ({"kind": "weekly", "at": "09:30", "days": ["Mon"]}, "days", DAYS_TEXT),
        ({"kind": "weekly", "at": "09:30", "days": [1]}, "days", DAYS_TEXT),
        ({"kind": "weekly", "days": ["mon"]}, "at", AT_TEXT),
        ({"kind": "weekly", "at": "09:30", "days": ["mon"], "every": 1.5}, "every", "Give every as a whole number."),  # noqa: E501
        ({"kind": "weekly", "at": "09:30", "days": ["mon"], "start": "x"}, "start", START_TEXT),
        ({"kind": "monthly", "day": 1}, "at", AT_TEXT),
        ({"kind": "monthly", "at": "09:30"}, "day", "Give day as a whole number."),
        ({"kind": "monthly", "at": "09:30", "day": "5"}, "day", "Give day as a whole number."),
        ({"kind": "monthly", "at": "09:30", "day": 31, "short_months": "x"}, "short_months",
         "Choose clamp or skip for shorter months."),
        ({"kind": "monthly", "at": "09:30", "weekday": "x", "nth": 1}, "weekday", DAYS_TEXT),
        ({"kind": "monthly", "at": "09:30", "weekday": "fri"}, "nth", "Give nth as a whole number."),
        ({"kind": "once"}, "at", LOCAL_TEXT),
        ({"kind": "once", "at": "noon"}, "at", LOCAL_TEXT),
        ({"kind": "cron"}, "fields", CRON_TEXT),
        ({"kind": "cron", "expr": 5}, "fields", CRON_TEXT),
        ({"kind": "cron", "expr": "@every 5m"}, "anchor", "@every needs an instant from which to count."),
    ],
)  # fmt: skip
def test_a_wrong_form_is_refused_at_its_part(form: dict[str, Any], part: str, message: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        from_json(form)

    assert str(refused.value) == message
    assert (refused.value.field, refused.value.part) == ("schedule", part)


@pytest.mark.parametrize(
    ("every_s", "message"),
    [
        (None, EVERY_TEXT),
        (True, EVERY_TEXT),
        ("300", EVERY_TEXT),
        (1.5, EVERY_TEXT),
        (0, "The interval must be a whole number of seconds, 1 or more."),
        (10**18, "The interval is too long. Choose at most 366 days."),
        (31_622_401, "The interval is too long. Choose at most 366 days."),
    ],
)
def test_a_wrong_interval_is_refused_at_its_field(every_s: object, message: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        from_json({"kind": "interval", "every_s": every_s}, anchor=ANCHOR)

    assert (str(refused.value), refused.value.field) == (message, "every_s")


def test_a_part_of_two_words_is_told_as_two() -> None:
    with pytest.raises(ScheduleError, match=r"^Give short months as a whole number\.$"):
        _whole({}, "short_months")
