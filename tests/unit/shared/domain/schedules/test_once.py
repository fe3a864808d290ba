"""One instant, named by a wall clock."""

from datetime import UTC, datetime

import pytest

from shared.domain.errors import ScheduleError
from shared.domain.schedules import Once, timetable
from tests.support.instants import utc


def once(text: str) -> Once:
    return Once(at=datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("zone", "local", "instant"),
    [
        ("Asia/Hong_Kong", "2026-12-01T09:00", "2026-12-01 01:00"),
        ("Asia/Hong_Kong", "2026-12-01T09:00:07", "2026-12-01 01:00:07"),
        ("Asia/Hong_Kong", "1970-01-01T00:00", "1969-12-31 16:00"),
        ("Asia/Hong_Kong", "2199-12-31T23:59:59", "2199-12-31 15:59:59"),
        ("America/New_York", "2026-03-08T02:30", "2026-03-08 07:00"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01 05:30"),
        ("Pacific/Apia", "2011-12-30T12:00", None),
    ],
)
def test_it_fires_once(zone: str, local: str, instant: str | None) -> None:
    fires = list(timetable(once(local), zone).between(utc("1950-01-01 00:00"), utc("2250-01-01 00:00")))

    assert fires == ([] if instant is None else [utc(instant)])


def test_it_keeps_whole_seconds() -> None:
    assert once("2026-12-01T09:00:07.9") == once("2026-12-01T09:00:07")


@pytest.mark.parametrize(
    ("local", "words"),
    [
        ("2026-12-01T09:00", "Once on 1 Dec 2026 at 09:00"),
        ("2026-12-31T09:00:07", "Once on 31 Dec 2026 at 09:00:07"),
    ],
)
def test_it_is_said_in_one_phrase(local: str, words: str) -> None:
    assert once(local).describe() == words


def test_an_offset_is_refused() -> None:
    with pytest.raises(ScheduleError) as refused:
        Once(at=datetime(2026, 12, 1, 9, tzinfo=UTC))

    assert str(refused.value) == "Give the local time without an offset: the zone says the rest."
    assert refused.value.part == "at"


@pytest.mark.parametrize("local", ["1969-12-31T23:59:59", "2200-01-01T00:00"])
def test_a_year_outside_the_calendar_is_refused(local: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        once(local)

    assert (str(refused.value), refused.value.part) == ("Choose a year from 1970 to 2199.", "at")
