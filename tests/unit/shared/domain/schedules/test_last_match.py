"""The last match an expression ever has may come twice: the clock is set back, and the hour is repeated."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.schedules import parse_cron, timetable


@pytest.mark.parametrize(
    ("expression", "zone", "first"),
    [
        ("0 */30 1 2 11 ? 2025", "America/New_York", datetime(2025, 11, 2, 5, 30, tzinfo=UTC)),
        ("*/30 59 1 2 11 ? 2025", "America/New_York", datetime(2025, 11, 2, 5, 59, 30, tzinfo=UTC)),
        ("*/20 10 1 22 2 ? 2012", "Antarctica/Casey", datetime(2012, 2, 21, 14, 10, 40, tzinfo=UTC)),
    ],
)
def test_the_hour_that_is_repeated_is_not_missed(expression: str, zone: str, first: datetime) -> None:
    table, day = timetable(parse_cron(expression), zone), timedelta(days=1)

    listed = list(table.between(first - day, first + day))

    second = table.next_after(first)
    assert second is not None
    assert second - first < timedelta(hours=3)
    assert len(listed) == table.count_between(first - day, first + day)
    assert table.last_until(first + day) == listed[-1] > first


@pytest.mark.parametrize("zone", ["UTC", "Asia/Hong_Kong", "America/New_York", "Africa/Casablanca"])
@pytest.mark.parametrize("year", [2013, 2026, 2100, 2199])
@pytest.mark.parametrize("expression", ["0 0 31 2 *", "0 0 1 1 1 ? 2012"])
def test_what_is_spent_or_impossible_never_fires_again(expression: str, year: int, zone: str) -> None:
    table, instant = timetable(parse_cron(expression), zone), datetime(year, 7, 1, tzinfo=UTC)

    assert table.next_after(instant) is None
    assert table.count_between(instant, datetime(2200, 12, 31, tzinfo=UTC)) == 0
