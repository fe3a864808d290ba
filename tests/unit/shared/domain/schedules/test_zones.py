"""Spans of constant offset, and the instants of wall times, at changes of the clock that are on record."""

from datetime import datetime

import pytest

from shared.domain.errors import ScheduleError
from shared.domain.schedules.zones import END, Span, checked_zone, instant_of, is_short, span_at
from tests.support.instants import seconds, utc

NEW_YORK, APIA, CASEY, HONG_KONG = "America/New_York", "Pacific/Apia", "Antarctica/Casey", "Asia/Hong_Kong"
# Long spans are cut each 366 days since 1970: two of those cuts.
CUT, NEXT_CUT = "2026-02-12 00:00", "2027-02-13 00:00"
HOUR = 3_600


@pytest.mark.parametrize(
    "name", ["UTC", "Cuba", HONG_KONG, "Etc/GMT+5", "Etc/UTC", "America/Argentina/Buenos_Aires"]
)
def test_a_zone_of_the_database_is_kept(name: str) -> None:
    assert checked_zone(name) == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("HKT", "HKT is an abbreviation, which has no rules of its own. Choose Asia/Hong_Kong."),
        ("EST", "EST is an abbreviation, which has no rules of its own. Choose America/New_York."),
        ("pst", "pst is an abbreviation, which has no rules of its own. Choose America/Los_Angeles."),
        (
            "CET",
            "CET is an abbreviation, which has no rules of its own. Choose a city's name, such as Asia/Hong_Kong.",  # noqa: E501
        ),
        (
            "EST5EDT",
            "EST5EDT is an abbreviation, which has no rules of its own. Choose a city's name, such as Asia/Hong_Kong.",  # noqa: E501
        ),
        ("Atlantis", "There is no time zone 'Atlantis'. Choose one by a city, such as Asia/Hong_Kong."),
        ("GMT+5", "There is no time zone 'GMT+5'. Choose one by a city, such as Asia/Hong_Kong."),
        ("Mars/Base", "There is no time zone 'Mars/Base'. Choose one by a city, such as Asia/Hong_Kong."),
        (
            "posix/Asia/Hong_Kong",
            "There is no time zone 'posix/Asia/Hong_Kong'. Choose one by a city, such as Asia/Hong_Kong.",
        ),
        ("", "There is no time zone ''. Choose one by a city, such as Asia/Hong_Kong."),
        ("x" * 70, f"There is no time zone '{'x' * 64}'. Choose one by a city, such as Asia/Hong_Kong."),
    ],
)
def test_any_other_name_is_refused_with_what_to_choose(name: str, message: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        checked_zone(name)

    assert str(refused.value) == message
    assert refused.value.field == "zone"


@pytest.mark.parametrize("name", ["Mars/Base", "", "../../etc/passwd", "y" * 300, "a\0b"])
def test_a_zone_that_is_not_there_is_refused_on_first_use(name: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        span_at(name, 0)

    shown = repr(name[:64])
    assert (
        str(refused.value) == f"There is no time zone {shown}. Choose one by a city, such as Asia/Hong_Kong."
    )
    assert refused.value.field == "zone"


@pytest.mark.parametrize(
    ("zone", "at", "start", "end", "offset", "covered"),
    [
        (NEW_YORK, "2026-02-12 00:00", CUT, "2026-03-08 07:00", -5, "2026-02-11 19:00"),
        (NEW_YORK, "2026-03-08 06:59:59", CUT, "2026-03-08 07:00", -5, "2026-02-11 19:00"),
        (NEW_YORK, "2026-03-08 07:00", "2026-03-08 07:00", "2026-11-01 06:00", -4, "2026-03-08 02:00"),
        (NEW_YORK, "2026-11-01 05:59:59", "2026-03-08 07:00", "2026-11-01 06:00", -4, "2026-03-08 02:00"),
        (NEW_YORK, "2026-11-01 06:00", "2026-11-01 06:00", NEXT_CUT, -5, "2026-11-01 02:00"),
        (NEW_YORK, "2027-02-12 23:59:59", "2026-11-01 06:00", NEXT_CUT, -5, "2026-11-01 02:00"),
        (NEW_YORK, "2027-02-13 00:00", NEXT_CUT, "2027-03-14 07:00", -5, "2027-02-12 19:00"),
        (HONG_KONG, "2026-07-01 00:00", CUT, NEXT_CUT, 8, "2026-02-12 08:00"),
        (
            "Australia/Lord_Howe",
            "2026-10-03 15:30",
            "2026-10-03 15:30",
            NEXT_CUT,
            11,
            "2026-10-04 02:00",
        ),
        (APIA, "2011-12-30 10:00", "2011-12-30 10:00", "2012-02-02 00:00", 14, "2011-12-30 00:00"),
        (CASEY, "2009-10-17 18:00", "2009-10-17 18:00", "2010-01-31 00:00", 11, "2009-10-18 02:00"),
        (CASEY, "2010-03-04 15:00", "2010-03-04 15:00", "2011-02-01 00:00", 8, "2010-03-05 02:00"),
        # A change at a cut, and one that is no whole quarter of an hour.
        ("Asia/Jerusalem", "2079-03-24 00:00", "2079-03-24 00:00", "2079-10-28 23:00", 3, "2079-03-24 02:00"),
        (
            "Africa/Monrovia",
            "1972-01-07 00:44:30",
            "1972-01-07 00:44:30",
            "1973-01-03 00:00",
            0,
            "1972-01-07 00:00",
        ),
        (NEW_YORK, "1970-01-01 00:00", "1970-01-01 00:00", "1970-04-26 07:00", -5, "1969-12-31 19:00"),
    ],
)
def test_a_span_has_one_offset_and_knows_what_had_passed(
    zone: str, at: str, start: str, end: str, offset: int, covered: str
) -> None:
    assert span_at(zone, seconds(at)) == Span(seconds(start), seconds(end), offset * HOUR, seconds(covered))


def test_a_span_begins_at_its_local_start() -> None:
    assert Span(1_000, 2_000, -300, 900).local_start == 700


@pytest.mark.parametrize(
    ("gap", "short"), [(0, True), (-HOUR, True), (3 * HOUR, True), (3 * HOUR + 1, False)]
)
def test_a_gap_of_three_hours_is_bridged_and_a_longer_one_is_not(gap: int, short: bool) -> None:
    assert is_short(Span(10_000, 20_000, 0, 10_000 - gap)) is short


@pytest.mark.parametrize(
    ("zone", "local", "instant"),
    [
        ("America/St_Johns", "2010-03-14 00:00:59", "2010-03-14 03:30:59"),  # clocks go at 00:01
        ("America/St_Johns", "2010-03-14 00:01", "2010-03-14 03:31"),
        ("America/St_Johns", "2010-03-14 01:00:59", "2010-03-14 03:31"),
        ("America/St_Johns", "2010-03-14 01:01", "2010-03-14 03:31"),
        (NEW_YORK, "2026-03-08 01:59:59", "2026-03-08 06:59:59"),
        (NEW_YORK, "2026-03-08 02:00", "2026-03-08 07:00"),
        (NEW_YORK, "2026-03-08 02:30", "2026-03-08 07:00"),
        (NEW_YORK, "2026-03-08 02:59:59", "2026-03-08 07:00"),
        (NEW_YORK, "2026-03-08 03:00", "2026-03-08 07:00"),
        (NEW_YORK, "2026-03-08 03:00:01", "2026-03-08 07:00:01"),
        (NEW_YORK, "2026-11-01 01:00", "2026-11-01 05:00"),
        (NEW_YORK, "2026-11-01 01:59:59", "2026-11-01 05:59:59"),
        (NEW_YORK, "2026-11-01 02:00", "2026-11-01 07:00"),
        (HONG_KONG, "2026-11-01 09:30", "2026-11-01 01:30"),
        (HONG_KONG, "1970-01-01 00:00", "1969-12-31 16:00"),
        (HONG_KONG, "2199-12-31 23:59:59", "2199-12-31 15:59:59"),
        ("Pacific/Kiritimati", "2026-02-12 13:59:59", "2026-02-11 23:59:59"),  # around a cut
        ("Pacific/Kiritimati", "2026-02-12 14:00", "2026-02-12 00:00"),
        ("Pacific/Honolulu", "2026-02-11 13:59:59", "2026-02-11 23:59:59"),
        ("Pacific/Honolulu", "2026-02-11 14:00", "2026-02-12 00:00"),
        (CASEY, "2009-10-18 01:59:59", "2009-10-17 17:59:59"),
        (CASEY, "2009-10-18 02:00", "2009-10-17 18:00"),
        (CASEY, "2009-10-18 04:59:59", "2009-10-17 18:00"),
        (CASEY, "2010-03-05 01:30", "2010-03-04 14:30"),
        (APIA, "2011-12-29 23:59:59", "2011-12-30 09:59:59"),
        (APIA, "2011-12-30 00:00", None),
        (APIA, "2011-12-30 23:59:59", None),
        (APIA, "2011-12-31 00:00", "2011-12-30 10:00"),
    ],
)
def test_a_wall_time_has_one_instant_or_none(zone: str, local: str, instant: str | None) -> None:
    wall = datetime.fromisoformat(local)

    assert instant_of(wall, zone) == (None if instant is None else utc(instant))


def test_the_calendar_ends_with_the_year_2199() -> None:
    assert seconds("2200-01-01 00:00") == END
