"""What is refused because it would never fire again."""

from datetime import datetime

import pytest

from shared.domain.errors import ScheduleError
from shared.domain.schedules import Manual, Once, Schedule, check_possible, parse_cron
from tests.support.instants import utc

NOW = utc("2026-05-10 12:00")


@pytest.mark.parametrize(
    "schedule",
    [
        Manual(),
        parse_cron("0 0 29 2 *"),
        parse_cron("0 0 0 1 1 ? 2199"),
        Once(at=datetime.fromisoformat("2026-05-10T20:00:01")),
    ],
)
def test_what_fires_again_or_never_on_purpose_is_accepted(schedule: Schedule) -> None:
    check_possible(schedule, "Asia/Hong_Kong", now=NOW)


@pytest.mark.parametrize(
    "expression",
    ["0 0 30 2 *", "0 0 31 4,6 *", "0 0 0 29 2 ? 2027", "0 0 L-30 2 *", "0 0 */100 * MON#2"],
)
def test_a_day_that_no_year_has_is_refused(expression: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        check_possible(parse_cron(expression), "Asia/Hong_Kong", now=NOW)

    assert str(refused.value) == "This never happens, in no year up to 2199. Choose another day or month."
    assert refused.value.part == "day"


@pytest.mark.parametrize(
    ("schedule", "last"),
    [
        (Once(at=datetime.fromisoformat("2026-05-10T20:00:00")), "10 May 2026 12:00"),
        (parse_cron("0 30 8 1 2 ? 2020"), "1 Feb 2020 00:30"),
    ],
)
def test_an_instant_that_is_past_is_refused_with_the_instant(schedule: Schedule, last: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        check_possible(schedule, "Asia/Hong_Kong", now=NOW)

    assert str(refused.value) == f"Its last instant was {last} UTC. Choose a later one."
    assert refused.value.part == "at"
