"""Calendars: which local days and hours they hold, and their form as plain values."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.calendars import (
    Calendar,
    Dates,
    Day,
    WeeklyWindows,
    Window,
    dates_of,
    from_json,
    hong_kong,
    tidy_label,
    to_json,
)
from shared.domain.errors import InvalidInput

ZONES = ["Asia/Hong_Kong", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]
HONG_KONG = hong_kong()
WEEKDAYS = frozenset(range(5))

instants = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    max_value=datetime(2037, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
days = st.builds(
    Day,
    on=st.dates(min_value=date(2020, 1, 1), max_value=date(2030, 12, 31)),
    label=st.sampled_from(["", "Labour Day", "Inventory"]),
)
windows = st.builds(
    Window,
    days=st.frozensets(st.integers(0, 6), min_size=1),
    from_minute=st.integers(0, 719),
    until_minute=st.integers(720, 1440),
) | st.builds(
    Window,
    days=st.frozensets(st.integers(0, 6), min_size=1),
    from_minute=st.integers(720, 1439),
    until_minute=st.integers(0, 719),
)
times = st.lists(days, min_size=1, max_size=20).map(dates_of) | st.builds(
    WeeklyWindows, windows=st.lists(windows, min_size=1, max_size=4).map(tuple)
)
calendars = st.builds(
    Calendar, name=st.sampled_from(["Holidays", "假期"]), zone=st.sampled_from(ZONES), times=times
)


def at(text: str, zone: str = "Asia/Hong_Kong") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def hours(days: frozenset[int], start: str, end: str, zone: str = "Asia/Hong_Kong") -> Calendar:
    minutes = [int(text[:2]) * 60 + int(text[3:]) for text in (start, end)]
    window = Window(days=days, from_minute=minutes[0], until_minute=minutes[1])
    return Calendar(name="Hours", zone=zone, times=WeeklyWindows(windows=(window,)))


@given(calendar=calendars)
def test_a_calendar_survives_its_plain_form(calendar: Calendar) -> None:
    again = from_json(to_json(calendar))

    assert again == calendar
    assert hash(again) == hash(calendar)


@given(listed=st.lists(days, min_size=1, max_size=20), zone=st.sampled_from(ZONES), instant=instants)
def test_dates_hold_exactly_the_local_days_of_their_list(
    listed: list[Day], zone: str, instant: datetime
) -> None:
    calendar = Calendar(name="Days", zone=zone, times=dates_of(listed))

    assert calendar.contains(instant) == (
        instant.astimezone(ZoneInfo(zone)).date() in {day.on for day in listed}
    )


@given(window=windows, zone=st.sampled_from(ZONES), instant=instants)
def test_a_window_holds_exactly_its_wall_times(window: Window, zone: str, instant: datetime) -> None:
    calendar = Calendar(name="Hours", zone=zone, times=WeeklyWindows(windows=(window,)))
    local = instant.astimezone(ZoneInfo(zone))
    length = (window.until_minute - window.from_minute) % 1440 or 1440
    # Minutes since the window of each of two weekdays began, by the wall clock.
    since_today = local.hour * 60 + local.minute - window.from_minute
    inside = (local.weekday() in window.days and 0 <= since_today < length) or (
        (local.weekday() - 1) % 7 in window.days and 0 <= since_today + 1440 < length
    )

    assert calendar.contains(instant) == inside


@pytest.mark.parametrize(
    ("local", "inside"),
    [
        ("2026-11-20T21:59:59", False),
        ("2026-11-20T22:00:00", True),  # Friday
        ("2026-11-21T05:59:59", True),
        ("2026-11-21T06:00:00", False),
        ("2026-11-21T22:00:00", False),  # Saturday starts none
        ("2026-11-16T05:00:00", False),  # nor did Sunday
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_starts_on(local: str, inside: bool) -> None:
    night = hours(WEEKDAYS, "22:00", "06:00")

    assert night.contains(at(local)) == inside


def test_a_window_ends_just_before_its_last_minute() -> None:
    office = hours(WEEKDAYS, "09:00", "18:00")

    assert [office.contains(at(f"2026-11-20T{time}")) for time in ("08:59", "09:00", "17:59", "18:00")] == [
        False,
        True,
        True,
        False,
    ]


def test_a_long_label_is_cut_with_an_ellipsis() -> None:
    dates = [dates_of([Day(on=date(2026, 1, 1), label=tidy_label("x" * length))]) for length in (200, 201)]

    assert [one.days[0].label for one in dates] == ["x" * 200, "x" * 199 + "…"]


def test_how_far_a_list_reaches_survives_the_plain_form() -> None:
    assert from_json(to_json(HONG_KONG)) == HONG_KONG


def test_a_window_may_end_at_the_end_of_its_day() -> None:
    late = hours(WEEKDAYS, "18:00", "24:00")

    assert late.contains(at("2026-11-20T23:59:59"))
    assert not late.contains(at("2026-11-21T00:00:00"))


def test_hours_that_a_clock_change_repeats_are_inside_both_times() -> None:
    early = hours(frozenset({6}), "01:00", "02:00", zone="America/New_York")
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)

    assert [early.contains(first + timedelta(hours=step)) for step in (-1, 0, 1, 2)] == [
        False,
        True,
        True,
        False,
    ]


def test_days_on_one_date_become_one() -> None:
    on = date(2026, 4, 5)

    merged = dates_of([Day(on=on, label="Easter"), Day(on=on), Day(on=on, label="Ching Ming")])

    assert merged.days == (Day(on=on, label="Easter / Ching Ming"),)


def test_hong_kong_warns_for_years_that_are_not_built_in() -> None:
    assert HONG_KONG.warning_at(at("2027-12-31T23:59:59")) is None
    assert HONG_KONG.warning_at(at("2028-01-01T00:00:00")) == (
        "Hong Kong general holidays does not cover this day: its list ends with 2027-12-31. Add dates."
    )
    assert "begins with 2024-01-01" in str(HONG_KONG.warning_at(at("2023-12-31T23:00:00")))


def test_a_listed_day_needs_no_warning_wherever_it_is() -> None:
    times = dates_of([Day(on=date(2028, 12, 25))], known_until=date(2027, 12, 31))
    calendar = Calendar(name="Days", zone="UTC", times=times)

    assert calendar.warning_at(at("2028-12-25T12:00")) is None
    assert calendar.warning_at(at("2028-12-26T12:00")) is not None


@pytest.mark.parametrize(
    ("year", "first_lunar", "good_friday"),
    [
        (2024, "2024-02-10", "2024-03-29"),
        (2025, "2025-01-29", "2025-04-18"),
        (2026, "2026-02-17", "2026-04-03"),
        (2027, "2027-02-06", "2027-03-26"),
    ],
)
def test_hong_kong_has_seventeen_general_holidays_a_year(
    year: int, first_lunar: str, good_friday: str
) -> None:
    assert isinstance(HONG_KONG.times, Dates)
    listed = {day.on.isoformat(): day.label for day in HONG_KONG.times.days if day.on.year == year}

    assert len(listed) == 17
    assert listed[first_lunar] == "Lunar New Year's Day"
    assert listed[good_friday] == "Good Friday"
    assert all(date.fromisoformat(on).weekday() != 6 for on in listed)


def test_sentences_for_the_screen() -> None:
    office = hours(WEEKDAYS, "09:00", "18:00")
    nights = hours(frozenset({0, 2, 5, 6}), "22:00", "06:00", zone="UTC")
    one_day = Calendar(name="Move", zone="UTC", times=dates_of([Day(on=date(2026, 5, 1))]))

    assert office.describe() == "Hours: Monday to Friday 09:00 to 18:00 (Asia/Hong_Kong)."
    assert nights.describe() == (
        "Hours: Monday, Wednesday and Saturday, Sunday 22:00 to 06:00 the next day (UTC)."
    )
    assert one_day.describe() == "Move: 2026-05-01 (UTC)."
    assert HONG_KONG.describe() == (
        "Hong Kong general holidays: 68 dates from 2024-01-01 to 2027-12-27, "
        "known from 2024-01-01 to 2027-12-31 (Asia/Hong_Kong)."
    )


DATES = {"name": "A", "zone": "UTC", "kind": "dates", "dates": ["2026-01-01"]}
WEEKLY = {"name": "A", "zone": "UTC", "kind": "weekly"}
WINDOW = {"days": ["mon"], "from": "09:00", "until": "18:00"}


@pytest.mark.parametrize(
    ("value", "field", "says"),
    [
        (DATES | {"name": " "}, "name", "1 to 200 characters"),
        (DATES | {"name": None}, "name", "a name"),
        (DATES | {"zone": "HKT"}, "zone", "Choose Asia/Hong_Kong"),
        (DATES | {"zone": "Asia/Nowhere"}, "zone", "Asia/Hong_Kong"),
        (DATES | {"zone": "America/Argentina"}, "zone", "Asia/Hong_Kong"),
        (DATES | {"zone": "../passwd"}, "zone", "no time zone"),
        (DATES | {"zone": 8}, "zone", "time zone"),
        (DATES | {"kind": "moon"}, "kind", "Choose dates or weekly"),
        (DATES | {"dates": []}, "dates", "1 to 5,000"),
        (DATES | {"dates": ["2026-01-01"] * 5_001}, "dates", "1 to 5,000"),
        (DATES | {"dates": ["2026-01-01", "2026-02-30"]}, "dates", "Date 2: '2026-02-30'"),
        (DATES | {"dates": ["20260101"]}, "dates", "Write it like 2026-12-31"),
        (DATES | {"dates": [20260101]}, "dates", "Date 1"),
        (DATES | {"dates": [{"on": "2026-01-01", "label": 1}]}, "dates", "label"),
        (DATES | {"known_from": "2026-01-02", "known_until": "2026-01-01"}, "known_until", "before"),
        (DATES | {"known_from": "soon"}, "known_from", "'soon' is no date"),
        (WEEKLY | {"windows": []}, "windows", "1 to 100"),
        (WEEKLY | {"windows": [WINDOW] * 101}, "windows", "1 to 100"),
        (WEEKLY | {"windows": ["mon"]}, "windows", "Window 1"),
        (WEEKLY | {"windows": [WINDOW, WINDOW | {"days": ["monday"]}]}, "windows", "Window 2: 'monday'"),
        (WEEKLY | {"windows": [WINDOW | {"days": [[]]}]}, "windows", "no weekday"),
        (WEEKLY | {"windows": [WINDOW | {"days": []}]}, "windows", "at least one weekday"),
        (WEEKLY | {"windows": [WINDOW | {"from": "24:00"}]}, "windows", "00:00 to 23:59"),
        (WEEKLY | {"windows": [WINDOW | {"until": "9:00"}]}, "windows", "'9:00' is no time"),
        (WEEKLY | {"windows": [WINDOW | {"until": "09:00"}]}, "windows", "00:00 until 24:00"),
    ],
)
def test_a_wrong_value_is_refused_with_its_field_and_a_remedy(
    value: dict[str, object], field: str, says: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        from_json(value)

    assert refused.value.field == field
    assert says in refused.value.message


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    value=st.fixed_dictionaries(
        {"name": st.just("A") | anything, "zone": st.just("UTC") | anything},
        optional={
            "kind": st.sampled_from(["dates", "weekly"]),
            "dates": anything,
            "windows": anything
            | st.lists(st.fixed_dictionaries(dict.fromkeys(WINDOW, anything)), max_size=2),
            "known_until": anything,
        },
    )
)
def test_any_values_give_a_calendar_or_a_refusal(value: dict[str, object]) -> None:
    refused = False
    try:
        calendar = from_json(value)
    except InvalidInput:
        refused = True

    assert refused or from_json(to_json(calendar)) == calendar


@given(text=st.text(max_size=300))
def test_a_label_is_one_printable_line(text: str) -> None:
    calendar = from_json(DATES | {"dates": [{"on": "2026-01-01", "label": text}]})

    label = calendar.label_at(datetime(2026, 1, 1, tzinfo=UTC))

    assert label is not None
    assert label.isprintable()
    assert len(label) <= 200
    assert label == " ".join(label.split())
