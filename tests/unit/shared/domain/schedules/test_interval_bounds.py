"""The bounds of an interval and its words, to the second."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.domain.errors import ScheduleError
from shared.domain.schedules import Interval
from shared.domain.schedules.timetable import Grid

ANCHOR = datetime(1970, 1, 1, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("every", "message"),
    [
        (timedelta(0), "The interval must be a whole number of seconds, 1 or more."),
        (timedelta(microseconds=999_999), "The interval must be a whole number of seconds, 1 or more."),
        (timedelta(seconds=1, microseconds=1), "The interval must be a whole number of seconds, 1 or more."),
        (timedelta(days=366, seconds=1), "The interval is too long. Choose at most 366 days."),
    ],
)
def test_a_distance_out_of_its_bounds_is_refused(every: timedelta, message: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        Interval(every=every, anchor=ANCHOR)

    assert (str(refused.value), refused.value.field) == (message, "every_s")


@pytest.mark.parametrize("every", [timedelta(seconds=1), timedelta(days=366)])
def test_a_distance_at_its_bounds_is_kept(every: timedelta) -> None:
    assert Interval(every=every, anchor=ANCHOR).every == every


def test_an_anchor_without_an_offset_is_refused() -> None:
    with pytest.raises(ScheduleError) as refused:
        Interval(every=timedelta(seconds=1), anchor=ANCHOR.replace(tzinfo=None))

    assert str(refused.value) == "The anchor needs its offset from UTC, such as +08:00."
    assert refused.value.part == "anchor"


def test_an_anchor_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(ScheduleError) as refused:
        Interval(every=timedelta(seconds=1), anchor=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=8))))

    assert str(refused.value) == "The anchor is too far from now. Choose another instant."
    assert refused.value.part == "anchor"


def test_its_fires_are_a_grid() -> None:
    assert Interval(every=timedelta(minutes=5), anchor=ANCHOR).fires("Asia/Hong_Kong") == Grid(60, 300)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "Every second"),
        (59, "Every 59 seconds"),
        (60, "Every minute"),
        (61, "Every 61 seconds"),
        (300, "Every 5 minutes"),
        (3_600, "Every hour"),
        (5_400, "Every 90 minutes"),
        (7_200, "Every 2 hours"),
        (86_400, "Every day"),
        (172_800, "Every 2 days"),
        (604_800, "Every week"),
        (1_209_600, "Every 2 weeks"),
    ],
)
def test_it_is_said_in_its_largest_whole_unit(seconds: int, words: str) -> None:
    assert Interval(every=timedelta(seconds=seconds), anchor=ANCHOR).describe() == words
