"""Once in each real hour."""

import pytest

from shared.domain.errors import ScheduleError
from shared.domain.schedules import Hourly, timetable
from tests.support.instants import utc


def test_it_fires_in_every_real_hour_of_a_day_on_which_clocks_are_set() -> None:
    table = timetable(Hourly(minute=15), "America/New_York")

    assert table.count_between(utc("2026-03-08 05:00"), utc("2026-03-09 04:00")) == 23
    assert table.count_between(utc("2026-11-01 04:00"), utc("2026-11-02 05:00")) == 25
    assert table.next_after(utc("2026-11-01 05:15")) == utc("2026-11-01 06:15")
    assert table.next_after(utc("2026-05-10 23:15")) == utc("2026-05-11 00:15")


def test_it_follows_the_minutes_of_its_zone() -> None:
    assert timetable(Hourly(minute=0), "Asia/Kathmandu").next_after(utc("2026-05-10 12:00")) == utc(
        "2026-05-10 12:15"
    )


@pytest.mark.parametrize(("minute", "words"), [(0, "Every hour at :00"), (59, "Every hour at :59")])
def test_it_is_said_with_its_minute(minute: int, words: str) -> None:
    assert Hourly(minute=minute).describe() == words


@pytest.mark.parametrize("minute", [-1, 60])
def test_a_minute_that_no_hour_has_is_refused(minute: int) -> None:
    with pytest.raises(ScheduleError) as refused:
        Hourly(minute=minute)

    assert str(refused.value) == "Choose a minute from 0 to 59."
    assert refused.value.part == "minute"
