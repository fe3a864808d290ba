"""Calendar rules: what they allow, the reason when they do not, and where a fire moves to."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.calendars import (
    Allowed,
    Calendar,
    CalendarRules,
    Day,
    Excluded,
    WeeklyWindows,
    Window,
    dates_of,
    hong_kong,
)
from shared.domain.errors import InvalidInput
from shared.domain.policy import OnExcluded

HONG_KONG = hong_kong()
FIRST = date(2026, 1, 1)


def at(text: str, zone: str = "Asia/Hong_Kong") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def weekly(
    name: str, days: set[int], start: int = 0, end: int = 1440, zone: str = "Asia/Hong_Kong"
) -> Calendar:
    window = Window(days=frozenset(days), from_minute=start, until_minute=end)
    return Calendar(name=name, zone=zone, times=WeeklyWindows(windows=(window,)))


OFFICE = weekly("Office hours", {0, 1, 2, 3, 4}, 9 * 60, 18 * 60)
SATURDAYS = weekly("Saturdays", {5})
SUNDAYS = weekly("Sundays", {6})

hours = st.integers(0, 61 * 24).map(lambda hour: at("2026-01-01T00:00") + timedelta(hours=hour))


def listed(offsets: list[int]) -> Calendar:
    days = [Day(on=FIRST + timedelta(days=offset)) for offset in offsets]
    return Calendar(name="Listed", zone="Asia/Hong_Kong", times=dates_of(days))


some_days = st.lists(st.integers(0, 60), min_size=1, max_size=60, unique=True)
some_calendars = st.lists(some_days.map(listed), max_size=3).map(tuple)


def test_without_calendars_every_instant_is_allowed() -> None:
    rules = CalendarRules()

    assert rules.verdict(at("2026-01-01T09:00")) == Allowed()


def test_a_holiday_is_excluded_by_name() -> None:
    verdict = CalendarRules(exclude=(SUNDAYS, HONG_KONG)).verdict(at("2026-05-01T09:00"))

    assert verdict == Excluded(by=("Hong Kong general holidays",), inside=True, label="Labour Day")
    assert verdict.describe() == "Labour Day (in Hong Kong general holidays)"


def test_one_include_calendar_that_holds_the_instant_is_enough() -> None:
    rules = CalendarRules(include=(OFFICE, SATURDAYS))

    assert rules.verdict(at("2026-11-21T20:00")) == Allowed()


def test_an_instant_in_no_include_calendar_is_excluded_by_all_of_them() -> None:
    verdict = CalendarRules(include=(OFFICE, SATURDAYS)).verdict(at("2026-11-20T20:00"))

    assert verdict == Excluded(by=("Office hours", "Saturdays"), inside=False)
    assert verdict.describe() == "outside Office hours and Saturdays"


def test_exclude_wins_over_include() -> None:
    rules = CalendarRules(include=(OFFICE,), exclude=(HONG_KONG,))

    assert isinstance(rules.verdict(at("2026-05-01T10:00")), Excluded)


@given(include=some_calendars, exclude=some_calendars, instant=hours)
def test_an_instant_is_allowed_by_one_include_and_no_exclude(
    include: tuple[Calendar, ...], exclude: tuple[Calendar, ...], instant: datetime
) -> None:
    rules = CalendarRules(include=include, exclude=exclude)
    included = not include or any(calendar.contains(instant) for calendar in include)
    excluded = [calendar for calendar in exclude if calendar.contains(instant)]

    assert rules.allows(instant) == (included and not excluded)
    assert isinstance(rules.verdict(instant), Allowed) == rules.allows(instant)


def test_a_verdict_beyond_what_a_calendar_knows_carries_a_warning() -> None:
    verdict = CalendarRules(include=(OFFICE,), exclude=(HONG_KONG,)).verdict(at("2028-05-01T10:00"))

    assert isinstance(verdict, Allowed)
    assert [warning.split(":")[0] for warning in verdict.warnings] == [
        "Hong Kong general holidays does not cover this day"
    ]


def test_a_fire_moves_over_the_holidays_and_the_sunday() -> None:
    rules = CalendarRules(exclude=(HONG_KONG, SUNDAYS), on_excluded=OnExcluded.MOVE)

    # Good Friday; Saturday, Sunday, Monday and Tuesday are out as well.
    moved = rules.moved(at("2026-04-03T09:30"), "Asia/Hong_Kong")

    assert moved == at("2026-04-08T09:30")


@given(include=some_calendars, exclude=some_calendars, nominal=hours)
def test_a_fire_moves_to_the_first_allowed_day_at_the_same_local_time(
    include: tuple[Calendar, ...], exclude: tuple[Calendar, ...], nominal: datetime
) -> None:
    rules = CalendarRules(include=include, exclude=exclude)
    candidates = [nominal + timedelta(days=day) for day in range(1, 401)]  # Hong Kong's days have 24 hours

    moved = rules.moved(nominal, "Asia/Hong_Kong")

    assert moved == next((candidate for candidate in candidates if rules.allows(candidate)), None)


@pytest.mark.parametrize(("offset", "found"), [(400, True), (401, False)])
def test_the_search_for_an_allowed_day_ends_after_400_days(offset: int, found: bool) -> None:
    rules = CalendarRules(include=(listed([offset]),))

    moved = rules.moved(at("2026-01-01T09:00"), "Asia/Hong_Kong")

    assert (moved is not None) == found


def test_a_fire_that_moves_into_a_gap_runs_at_its_end() -> None:
    saturday = weekly("Saturdays", {5}, zone="America/New_York")

    moved = CalendarRules(exclude=(saturday,)).moved(
        at("2025-03-08T02:30", "America/New_York"), "America/New_York"
    )

    assert moved == datetime(2025, 3, 9, 7, 0, tzinfo=UTC)


def test_a_fire_that_moves_into_a_fold_runs_at_its_first_pass() -> None:
    saturday = weekly("Saturdays", {5}, zone="America/New_York")

    moved = CalendarRules(exclude=(saturday,)).moved(
        at("2025-11-01T01:30", "America/New_York"), "America/New_York"
    )

    assert moved == datetime(2025, 11, 2, 5, 30, tzinfo=UTC)


def test_a_fire_in_the_second_pass_of_a_fold_keeps_its_wall_time() -> None:
    second_pass = datetime(2025, 11, 2, 6, 30, tzinfo=UTC)

    moved = CalendarRules().moved(second_pass, "America/New_York")

    assert moved == at("2025-11-03T01:30", "America/New_York")


def test_a_fire_does_not_move_to_a_day_that_does_not_exist() -> None:
    moved = CalendarRules().moved(at("2011-12-29T12:00", "Pacific/Apia"), "Pacific/Apia")

    assert moved == at("2011-12-31T12:00", "Pacific/Apia")


def test_a_moved_fire_is_judged_in_the_zone_of_the_calendar() -> None:
    rules = CalendarRules(exclude=(SUNDAYS,))

    # 20:00 on Saturday in New York is Sunday in Hong Kong; on Sunday it is Monday there.
    moved = rules.moved(at("2026-11-20T20:00", "America/New_York"), "America/New_York")

    assert moved == at("2026-11-22T20:00", "America/New_York")


def test_rules_have_a_bound() -> None:
    with pytest.raises(InvalidInput) as refused:
        CalendarRules(include=(OFFICE,) * 10, exclude=(SUNDAYS,) * 11)

    assert refused.value.field == "calendars"


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        (CalendarRules(), "No calendar limits this schedule."),
        (
            CalendarRules(include=(OFFICE, SATURDAYS)),
            "Runs only inside Office hours or Saturdays; other runs are skipped.",
        ),
        (
            CalendarRules(include=(OFFICE,), exclude=(HONG_KONG, SUNDAYS), on_excluded=OnExcluded.MOVE),
            (
                "Runs only inside Office hours, never inside Hong Kong general holidays or Sundays; "
                "other runs move to the same time on the next allowed day."
            ),
        ),
    ],
)
def test_rules_are_one_sentence(rules: CalendarRules, sentence: str) -> None:
    assert rules.describe() == sentence
