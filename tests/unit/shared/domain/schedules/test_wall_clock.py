"""The fires of fixed and real-time rules where clocks are set, and at both ends of the calendar."""

import pytest

from shared.domain.schedules.days import ALL_DAYS, DateFields
from shared.domain.schedules.rule import ALL_HOURS, Rule
from shared.domain.schedules.wall_clock import WallClock
from tests.support.instants import bits, seconds

NEW_YORK, APIA, CASEY = "America/New_York", "Pacific/Apia", "Antarctica/Casey"


def fixed(hours: list[int], minutes: list[int], zone: str = NEW_YORK) -> WallClock:
    return WallClock(Rule(days=DateFields(), hours=bits(hours), minutes=bits(minutes), is_fixed=True), zone)


def real(minutes: list[int], hours: int = ALL_HOURS, zone: str = NEW_YORK) -> WallClock:
    return WallClock(Rule(days=DateFields(), hours=hours, minutes=bits(minutes), is_fixed=False), zone)


def on(days: int, months: list[int], years: list[int], zone: str = NEW_YORK) -> WallClock:
    fields = DateFields(days=days, months=bits(months), years=frozenset(years))
    return WallClock(Rule(days=fields, hours=1, minutes=1, is_fixed=True), zone)


LEAP_DAY = on(1 << 29, [2], [])
FIRST_OF_ALL = on(1 << 1, [1], [1970], "UTC")
A_SECOND_LATER = WallClock(
    Rule(days=DateFields(), hours=bits([2, 3]), minutes=1, seconds=bits([1]), is_fixed=True), NEW_YORK
)
NEVER = on(ALL_DAYS, [1], [1969])

NEXT = [
    # A gap from 02:00 to 03:00, at 07:00 UTC.
    (fixed([2], [30]), "2026-03-07 07:30:01", "2026-03-08 07:00"),
    (fixed([2], [30]), "2026-03-08 06:59:59", "2026-03-08 07:00"),
    (fixed([2], [30]), "2026-03-08 07:00:00", "2026-03-08 07:00"),
    (fixed([2], [30]), "2026-03-08 07:00:01", "2026-03-09 06:30"),
    (fixed([2, 3], [0, 30]), "2026-03-08 07:00:01", "2026-03-08 07:30"),
    (fixed([2], [0]), "2026-03-08 06:00:00", "2026-03-08 07:00"),
    (fixed([3], [0]), "2026-03-08 06:00:00", "2026-03-08 07:00"),
    (real([30]), "2026-03-08 06:30:01", "2026-03-08 07:30"),
    (real([0, 30]), "2026-03-08 06:30:01", "2026-03-08 07:00"),
    (real([0], hours=1 << 2), "2026-03-07 07:00:01", "2026-03-09 06:00"),
    # A fold from 01:00 to 02:00, at 06:00 UTC.
    (fixed([1], [30]), "2026-10-31 05:30:01", "2026-11-01 05:30"),
    (fixed([1], [30]), "2026-11-01 05:30:00", "2026-11-01 05:30"),
    (fixed([1], [30]), "2026-11-01 05:30:01", "2026-11-02 06:30"),
    (fixed([1], [30]), "2026-11-01 06:00:00", "2026-11-02 06:30"),
    (fixed([1], [30]), "2026-11-01 06:30:00", "2026-11-02 06:30"),
    (fixed([1], [0]), "2026-11-01 06:00:00", "2026-11-02 06:00"),
    (fixed([1, 2], [0]), "2026-11-01 05:00:01", "2026-11-01 07:00"),
    (fixed([1, 2], [0, 59]), "2026-11-01 05:59:01", "2026-11-01 07:00"),
    (real([30]), "2026-11-01 05:30:01", "2026-11-01 06:30"),
    (real([0]), "2026-11-01 05:00:01", "2026-11-01 06:00"),
    (real([30], hours=1 << 1), "2026-11-01 05:30:01", "2026-11-01 06:30"),
    (real([59], hours=1 << 1), "2026-11-01 05:59:01", "2026-11-01 06:59"),
    (fixed([23], [30], "America/Sao_Paulo"), "2018-02-18 01:30:00", "2018-02-18 01:30"),
    (fixed([23], [30], "America/Sao_Paulo"), "2018-02-18 01:30:01", "2018-02-19 02:30"),
    # A gap of three hours, a fold of three hours, and a day that never was.
    (fixed([3], [0], CASEY), "2009-10-16 19:00:01", "2009-10-17 18:00"),
    (fixed([1], [0], CASEY), "2010-03-04 14:00:01", "2010-03-05 17:00"),
    (real([0], hours=1 << 1, zone=CASEY), "2010-03-04 14:00:01", "2010-03-04 17:00"),
    (fixed([12], [0], APIA), "2011-12-29 22:00:00", "2011-12-29 22:00"),
    (fixed([12], [0], APIA), "2011-12-29 22:00:01", "2011-12-30 22:00"),
    (fixed([0], [0], APIA), "2011-12-29 10:00:01", "2011-12-30 10:00"),
    (real([0], hours=1 << 12, zone=APIA), "2011-12-29 22:00:01", "2011-12-30 22:00"),
    # The ends of the calendar are local.
    (fixed([0], [0], "UTC"), "1950-01-01 00:00:00", "1970-01-01 00:00"),
    (fixed([12], [0], "UTC"), "1970-01-01 00:00:00", "1970-01-01 12:00"),
    (fixed([0], [0], "Asia/Hong_Kong"), "1950-01-01 00:00:00", "1969-12-31 16:00"),
    (fixed([0], [0], "Pacific/Honolulu"), "1950-01-01 00:00:00", "1970-01-01 10:00"),
    (fixed([23], [59], "UTC"), "2199-12-31 23:59:00", "2199-12-31 23:59"),
    (fixed([23], [59], "UTC"), "2199-12-31 23:59:01", None),
    (fixed([23], [59], "Pacific/Honolulu"), "2199-12-31 12:00:00", "2200-01-01 09:59"),
    (fixed([23], [59], "Pacific/Honolulu"), "2200-01-01 09:59:01", None),
    (fixed([23], [59], "UTC"), "2300-01-01 00:00:00", None),
    # Far away.
    (LEAP_DAY, "2026-01-01 00:00:00", "2028-02-29 05:00"),
    (LEAP_DAY, "2096-02-29 05:00:01", "2104-02-29 05:00"),
    (LEAP_DAY, "2196-02-29 05:00:01", None),
    (on(1 << 2, [11], [2026]), "2026-01-01 00:00:00", "2026-11-02 05:00"),
    (on(1 << 8, [3], [2027]), "1970-01-01 00:00:00", "2027-03-08 05:00"),
    (NEVER, "1970-01-01 00:00:00", None),
]


@pytest.mark.parametrize(("table", "asked", "fire"), NEXT)
def test_the_first_fire_at_or_after_an_instant(table: WallClock, asked: str, fire: str | None) -> None:
    assert table.first_from(seconds(asked)) == (None if fire is None else seconds(fire))


@pytest.mark.parametrize(
    ("table", "asked", "fire"),
    [
        (fixed([2], [30]), "2026-03-08 07:00:00", "2026-03-08 07:00"),
        (fixed([2], [30]), "2026-03-08 06:59:59", "2026-03-07 07:30"),
        (fixed([2], [30]), "2026-03-09 06:29:59", "2026-03-08 07:00"),
        (fixed([2], [30]), "2026-03-09 06:30:00", "2026-03-09 06:30"),
        (fixed([1], [30]), "2026-11-01 06:30:00", "2026-11-01 05:30"),
        (fixed([1], [30]), "2026-11-02 06:29:59", "2026-11-01 05:30"),
        (real([30]), "2026-11-01 06:29:59", "2026-11-01 05:30"),
        (real([30]), "2026-11-01 06:30:00", "2026-11-01 06:30"),
        (fixed([12], [0], APIA), "2011-12-30 21:59:59", "2011-12-29 22:00"),
        (LEAP_DAY, "2026-01-01 00:00:00", "2024-02-29 05:00"),
        (LEAP_DAY, "2104-02-29 04:59:59", "2096-02-29 05:00"),
        (LEAP_DAY, "1972-02-29 05:00:00", "1972-02-29 05:00"),
        (LEAP_DAY, "1972-02-29 04:59:59", None),
        (LEAP_DAY, "2500-01-01 00:00:00", "2196-02-29 05:00"),
        (fixed([0], [0], "UTC"), "1970-01-01 00:00:00", "1970-01-01 00:00"),
        (fixed([0], [0], "UTC"), "1969-12-31 23:59:59", None),
        (fixed([0], [0], "Asia/Hong_Kong"), "1969-12-31 16:00:00", "1969-12-31 16:00"),
        (fixed([0], [0], "Asia/Hong_Kong"), "1969-12-31 15:59:59", None),
        (fixed([0], [0], "UTC"), "1900-01-01 00:00:00", None),
        (fixed([23], [59], "UTC"), "2300-01-01 00:00:00", "2199-12-31 23:59"),
        (fixed([23], [59], "Pacific/Honolulu"), "2300-01-01 00:00:00", "2200-01-01 09:59"),
        (FIRST_OF_ALL, "2026-01-01 00:00:00", "1970-01-01 00:00"),
        (FIRST_OF_ALL, "2004-01-11 13:37:04", "1970-01-01 00:00"),  # 4 ** 15 seconds and a day
        (NEVER, "2026-01-01 00:00:00", None),
        (NEVER, "2300-01-01 00:00:00", None),
    ],
)
def test_the_last_fire_at_or_before_an_instant(table: WallClock, asked: str, fire: str | None) -> None:
    assert table.last_to(seconds(asked)) == (None if fire is None else seconds(fire))


def test_the_last_fire_is_found_from_every_instant() -> None:
    table = real([0, 1, 2, 7, 30, 31])
    begin = seconds("2026-05-10 00:00")
    fires = [begin + hour * 3_600 + minute * 60 for hour in range(3) for minute in (0, 1, 2, 7, 30, 31)]

    asked = range(begin, begin + 3 * 3_600, 7)

    assert [table.last_to(second) for second in asked] == [
        max(fire for fire in fires if fire <= second) for second in asked
    ]


@pytest.mark.parametrize(
    ("table", "begin", "end", "count"),
    [
        (fixed([2], [30]), "2026-03-01 00:00", "2026-04-01 00:00", 31),
        (fixed([2], [0, 15, 30]), "2026-03-08 00:00", "2026-03-09 00:00", 1),
        (fixed([2], [0, 15, 30]), "2026-03-08 07:00", "2026-03-08 07:00:01", 1),
        (fixed([2], [0, 15, 30]), "2026-03-08 07:00:01", "2026-03-09 06:00", 0),
        (fixed([2], [0, 15, 30]), "2026-03-08 07:00:01", "2026-03-09 06:00:01", 1),
        (fixed([2], [0, 15, 30]), "2026-03-08 00:00", "2026-03-08 07:00", 0),
        (fixed([1, 2, 3], [0, 30]), "2026-03-08 05:00", "2026-03-08 10:00", 4),
        (fixed([3], [0]), "2026-03-08 05:00", "2026-03-08 10:00", 1),
        (A_SECOND_LATER, "2026-03-08 05:00", "2026-03-08 10:00", 2),
        (fixed([2], [30]), "2026-03-08 06:59:59", "2026-03-08 07:00:01", 1),
        (fixed([1, 2, 3], [0, 30]), "2026-11-01 04:00", "2026-11-01 10:00", 6),
        (fixed([1], [30]), "2026-11-01 05:00", "2026-11-01 07:00", 1),
        (fixed([1], [30]), "2026-11-01 05:30:01", "2026-11-01 07:00", 0),
        (fixed([1], [30]), "2026-11-01 06:00", "2026-11-01 07:00", 0),
        (fixed([1], [30]), "2026-11-01 06:30", "2026-11-01 06:31", 0),
        (fixed([1, 2], [0]), "2026-11-01 06:00", "2026-11-01 07:00:01", 1),
        (fixed([1], [30]), "2026-11-01 05:30", "2026-11-01 05:30:01", 1),
        (real([30]), "2026-11-01 05:00", "2026-11-01 07:00", 2),
        (real([30]), "2026-11-01 04:00", "2026-11-02 05:00", 25),
        (real([30]), "2026-03-08 05:00", "2026-03-09 04:00", 23),
        (real([0, 30], hours=1 << 2), "2026-03-08 05:00", "2026-03-09 04:00", 0),
        (fixed([3], [0], CASEY), "2009-10-17 12:00", "2009-10-18 12:00", 1),
        (fixed([12], [0], APIA), "2011-12-28 00:00", "2012-01-02 00:00", 5),
        (fixed([0], [0], "UTC"), "1900-01-01 00:00", "2300-01-01 00:00", 84_006),
        (fixed([0], [0], "Asia/Hong_Kong"), "1900-01-01 00:00", "1970-01-01 00:00", 1),
        (fixed([23], [59], "Pacific/Honolulu"), "2199-12-31 12:00", "2300-01-01 00:00", 1),
        (LEAP_DAY, "2026-01-01 00:00", "2126-01-01 00:00", 24),
        (fixed([0], [0], "UTC"), "2026-01-02 00:00", "2026-01-01 00:00", 0),
        (NEVER, "1970-01-01 00:00", "2100-01-01 00:00", 0),
    ],
)
def test_the_count_of_fires_from_one_instant_up_to_another(
    table: WallClock, begin: str, end: str, count: int
) -> None:
    assert table.count(seconds(begin), seconds(end)) == count


@pytest.mark.parametrize(
    ("zone", "begin", "end", "starts"),
    [
        (NEW_YORK, "2026-01-01 00:00", "2027-03-01 00:00", ["2026-03-08 07:00", "2026-11-01 06:00"]),
        (NEW_YORK, "2026-03-08 07:00", "2026-11-01 06:00", ["2026-03-08 07:00"]),
        (NEW_YORK, "2026-03-08 07:00:01", "2026-11-01 06:00:01", ["2026-11-01 06:00"]),
        (NEW_YORK, "2026-03-08 07:00:01", "2026-11-01 06:00", []),
        (APIA, "2011-12-30 00:00", "2011-12-31 00:00", ["2011-12-30 10:00"]),
        ("Asia/Hong_Kong", "2000-01-01 00:00", "2030-01-01 00:00", []),
    ],
)
def test_the_changes_of_the_clock_are_its_gaps_and_folds(
    zone: str, begin: str, end: str, starts: list[str]
) -> None:
    spans = fixed([0], [0], zone).clock_changes(seconds(begin), seconds(end))

    assert [span.start for span in spans] == [seconds(start) for start in starts]
