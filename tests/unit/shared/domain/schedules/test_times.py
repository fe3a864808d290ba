"""The time of day of a fixed schedule: what is read, how it is shown, which rule it makes."""

from datetime import time

import pytest

from shared.domain.errors import ScheduleError
from shared.domain.schedules.days import DateFields
from shared.domain.schedules.times import check_every, checked_time, clock_text, daily_at
from tests.support.instants import values


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("00:00", time(0, 0)),
        ("9:05", time(9, 5)),
        ("09:05", time(9, 5)),
        ("23:59", time(23, 59)),
        ("23:59:58", time(23, 59, 58)),
        ("12:00:00", time(12)),
    ],
)
def test_a_time_of_day_is_read(text: str, at: time) -> None:
    assert checked_time(text) == at


@pytest.mark.parametrize(
    "text",
    ["24:00", "12:60", "12:00:60", "12", "12:5", "123:00", "12:00:5", "12:00:", "-1:00", " 12:00", "noon", "", None, 12],  # noqa: E501
)  # fmt: skip
def test_what_is_no_time_of_day_is_refused(text: object) -> None:
    with pytest.raises(ScheduleError) as refused:
        checked_time(text)

    assert str(refused.value) == "Give the time of day as HH:MM, from 00:00 to 23:59."
    assert refused.value.part == "at"


@pytest.mark.parametrize(
    ("at", "text"), [(time(9, 5), "09:05"), (time(9, 5, 7), "09:05:07"), (time(0, 0, 1), "00:00:01")]
)
def test_a_time_of_day_is_shown_with_the_seconds_that_it_has(at: time, text: str) -> None:
    assert clock_text(at) == text


def test_a_time_of_day_is_one_fixed_second_of_its_days() -> None:
    table = daily_at(time(9, 5, 7), DateFields(days=2), "Asia/Hong_Kong")

    assert table.zone == "Asia/Hong_Kong"
    assert table.rule.is_fixed
    assert table.rule.days == DateFields(days=2)
    assert (values(table.rule.hours), values(table.rule.minutes), values(table.rule.seconds)) == (
        [9],
        [5],
        [7],
    )


@pytest.mark.parametrize("every", [1, 2, 52])
def test_a_distance_within_its_bounds_is_kept(every: int) -> None:
    check_every(every, "weeks", 52)


@pytest.mark.parametrize("every", [0, -1, 53])
def test_a_distance_out_of_its_bounds_is_refused(every: int) -> None:
    with pytest.raises(ScheduleError, match=r"^Choose every 1 to 52 weeks\.$") as refused:
        check_every(every, "weeks", 52)

    assert refused.value.part == "every"
