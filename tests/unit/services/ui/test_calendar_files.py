"""Days out of calendar files, as real programs write them, and refusals that name the event."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ui.commands.calendar_files import dates_from_ics
from shared.domain.calendars import Dates
from shared.domain.errors import InvalidInput

HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\n"
TAIL = "END:VCALENDAR\r\n"
DAY = "DTSTART;VALUE=DATE:20260501"


def event(*lines: str) -> str:
    return "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT", ""])


def read(
    *events: str,
    zone: str = "Asia/Hong_Kong",
    first: date = date(2026, 1, 1),
    last: date = date(2030, 12, 31),
) -> Dates:
    return dates_from_ics(HEAD + "".join(events) + TAIL, zone=zone, first=first, last=last)


def listed(dates: Dates) -> list[str]:
    return [day.on.isoformat() for day in dates.days]


def test_a_day_has_its_summary_as_label() -> None:
    dates = read(event("DTSTART;VALUE=DATE:20260501", "SUMMARY:Labour Day\\, all\\n offices"))

    assert listed(dates) == ["2026-05-01"]
    assert dates.days[0].label == "Labour Day, all offices"


def test_a_folded_line_is_one_line() -> None:
    dates = read(
        "BEGIN:VEVENT\r\nDTSTART;VALU\r\n E=DATE:2026\r\n\t0501\r\nSUMMARY:Lab\r\n our\r\nEND:VEVENT\r\n"
    )

    assert dates.days[0].label == "Labour"


def test_lines_may_end_as_on_unix_and_the_text_may_have_a_mark() -> None:
    text = "\ufeff" + (HEAD + event("DTSTART;VALUE=DATE:20260501") + TAIL).replace("\r\n", "\n")

    dates = dates_from_ics(text, zone="UTC", first=date(2026, 1, 1), last=date(2026, 12, 31))

    assert listed(dates) == ["2026-05-01"]


@pytest.mark.parametrize(
    ("lines", "days"),
    [
        (["DTEND;VALUE=DATE:20260220"], ["17", "18", "19"]),  # the end is not a day of it
        (["DURATION:P2D"], ["17", "18"]),
        (["DTEND;VALUE=DATE:20260217"], ["17"]),
        (["DTEND;VALUE=DATE:20260201"], ["17"]),
        ([], ["17"]),
    ],
)
def test_an_event_of_days_fills_them(lines: list[str], days: list[str]) -> None:
    dates = read(event("DTSTART;VALUE=DATE:20260217", *lines))

    assert listed(dates) == [f"2026-02-{day}" for day in days]


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("DTSTART:20260501T150000Z", "DTEND:20260501T160000Z", ["2026-05-01"]),  # until midnight in Hong Kong
        ("DTSTART:20260501T150000Z", "DTEND:20260501T160001Z", ["2026-05-01", "2026-05-02"]),
        ("DTSTART:20260501T160000Z", "DTEND:20260501T170000Z", ["2026-05-02"]),
        ("DTSTART;TZID=America/New_York:20260501T200000", "DURATION:PT1H", ["2026-05-02"]),
        ("DTSTART;TZID=China Standard Time:20260501T230000", "DURATION:PT1H", ["2026-05-01"]),  # Outlook's
        ("DTSTART:20260501T230000", "DTEND:20260502T010000", ["2026-05-01", "2026-05-02"]),  # floating
        ("DTSTART:20260501T230000", "DTEND:20260430T010000", ["2026-05-01"]),
    ],
)
def test_an_event_with_a_time_fills_the_days_of_the_calendars_zone(
    start: str, end: str, days: list[str]
) -> None:
    assert listed(read(event(start, end))) == days


def own_zone(name: str, rule: str) -> str:
    times = "DTSTART:16010101T000000\r\nTZOFFSETFROM:-0500\r\nTZOFFSETTO:-0500\r\n"
    standard = f"BEGIN:STANDARD\r\n{times}RRULE:{rule}\r\nEND:STANDARD\r\n"
    return f"BEGIN:VTIMEZONE\r\nTZID:{name}\r\n{standard}END:VTIMEZONE\r\n"


def test_a_zone_that_the_file_defines_is_not_needed_for_names_that_are_known() -> None:
    # INTERVAL=0 has no end: this test would not end either, were it computed.
    zone = own_zone("America/New_York", "FREQ=YEARLY;INTERVAL=0").replace(
        "TZID", "no line of the format\r\nTZID"
    )

    assert listed(read(zone, event("DTSTART;TZID=America/New_York:20260501T200000"))) == ["2026-05-02"]


@pytest.mark.parametrize("fold", ["END:VTIMEZONE", "END:VTIME\r\n ZONE", "end:vtimezone"])
def test_a_zone_that_the_file_defines_under_its_own_name_is_refused(fold: str) -> None:
    zone = own_zone("Head office", "FREQ=YEARLY;INTERVAL=0").replace("END:VTIMEZONE", fold)

    with pytest.raises(InvalidInput, match="time zone 'Head office' is unknown"):
        read(zone, event("DTSTART;TZID=Head office:20260501T200000"))


@pytest.mark.parametrize("edge", ["END;X=1:VTIMEZONE", "END:VTIMEZONE\r", "END:VTIMEZONE ", "End: VTIMEZONE"])
def test_a_component_that_ends_in_a_strange_form_is_refused(edge: str) -> None:
    zone = own_zone("Head office", "FREQ=YEARLY;INTERVAL=0").replace("END:VTIMEZONE", edge)

    with pytest.raises(InvalidInput, match="no calendar file"):
        read(zone, event(DAY))


@pytest.mark.parametrize(
    ("start", "rule", "days"),
    [
        ("20200501", "FREQ=YEARLY;UNTIL=20280501", ["2026-05-01", "2027-05-01", "2028-05-01"]),
        ("16040501", "FREQ=YEARLY;INTERVAL=2", ["2026-05-01", "2028-05-01", "2030-05-01"]),
        ("20250501", "FREQ=YEARLY;COUNT=3", ["2026-05-01", "2027-05-01"]),
        (
            "20201126",
            "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;UNTIL=20291231",
            ["2026-11-26", "2027-11-25", "2028-11-23", "2029-11-22"],
        ),
        ("20260525", "FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO;COUNT=2", ["2026-05-25", "2027-05-31"]),
        ("20260131", "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3", ["2026-01-31", "2026-02-28", "2026-03-31"]),
        (
            "20260105",
            "FREQ=WEEKLY;BYDAY=MO,WE;INTERVAL=2;COUNT=3",
            ["2026-01-05", "2026-01-07", "2026-01-19"],
        ),
        ("20260105", "FREQ=DAILY;COUNT=2", ["2026-01-05", "2026-01-06"]),
    ],
)
def test_a_rule_names_its_days(start: str, rule: str, days: list[str]) -> None:
    assert listed(read(event(f"DTSTART;VALUE=DATE:{start}", f"RRULE:{rule}"))) == days


def test_an_until_with_a_time_is_read_in_the_zone_of_the_event() -> None:
    dates = read(
        event(
            "DTSTART;TZID=Asia/Hong_Kong:20260501T070000",
            "RRULE:FREQ=DAILY;UNTIL=20260502T230000Z",  # 3 May, 07:00 in Hong Kong
        )
    )

    assert listed(dates) == ["2026-05-01", "2026-05-02", "2026-05-03"]


def test_a_repeated_event_keeps_its_wall_time_over_a_clock_change() -> None:
    dates = read(
        event(
            "DTSTART;TZID=America/New_York:20260307T113000",
            "DTEND;TZID=America/New_York:20260307T114500",
            "RRULE:FREQ=DAILY;COUNT=2",
        )
    )

    # 11:30 is 00:30 of the next day in Hong Kong in winter and 23:30 of the same day in summer.
    assert listed(dates) == ["2026-03-08"]


def test_exceptions_leave_days_out_and_extra_days_are_added() -> None:
    dates = read(
        event(
            "DTSTART;VALUE=DATE:20260101",
            "RRULE:FREQ=YEARLY;COUNT=4",
            "EXDATE;VALUE=DATE:20270101,20280101",
            "RDATE;VALUE=DATE:20270104",
        )
    )

    assert listed(dates) == ["2026-01-01", "2027-01-04", "2029-01-01"]


def test_one_day_of_a_rule_may_be_moved_or_cancelled() -> None:
    dates = read(
        event("UID:a", "DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=YEARLY;COUNT=3"),
        event("UID:a", "RECURRENCE-ID;VALUE=DATE:20270101", "DTSTART;VALUE=DATE:20270104"),
        event(
            "UID:a", "RECURRENCE-ID;VALUE=DATE:20280101", "DTSTART;VALUE=DATE:20280101", "STATUS:CANCELLED"
        ),
        event("UID:b", "DTSTART;VALUE=DATE:20280101", "SUMMARY:Other"),
    )

    assert listed(dates) == ["2026-01-01", "2027-01-04", "2028-01-01"]
    assert dates.days[-1].label == "Other"


def test_one_day_of_a_rule_may_be_renamed() -> None:
    dates = read(
        event("UID:a", "DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=YEARLY;COUNT=2", "SUMMARY:New Year"),
        event("UID:a", "RECURRENCE-ID;VALUE=DATE:20270101", "DTSTART;VALUE=DATE:20270101", "SUMMARY:Jubilee"),
    )

    assert [day.label for day in dates.days] == ["New Year", "Jubilee"]


def test_a_cancelled_event_is_left_out() -> None:
    dates = read(
        event("DTSTART;VALUE=DATE:20260501", "STATUS:CANCELLED"), event("DTSTART;VALUE=DATE:20260502")
    )

    assert listed(dates) == ["2026-05-02"]


def test_only_days_between_the_first_and_the_last_are_taken() -> None:
    dates = read(
        event("DTSTART;VALUE=DATE:20251230", "DTEND;VALUE=DATE:20260103"),
        event("DTSTART;VALUE=DATE:20261230", "DTEND;VALUE=DATE:20270103"),
        last=date(2026, 12, 31),
    )

    assert listed(dates) == ["2026-01-01", "2026-01-02", "2026-12-30", "2026-12-31"]


def test_a_long_event_of_before_still_reaches_in() -> None:
    dates = read(
        event("DTSTART;VALUE=DATE:20241220", "DURATION:P20D", "RRULE:FREQ=YEARLY"), last=date(2026, 2, 1)
    )

    assert listed(dates) == [f"2026-01-{day:02}" for day in range(1, 9)]


def test_the_list_is_known_until_the_last_event_that_ends() -> None:
    lunar = event("DTSTART;VALUE=DATE:20270206", "SUMMARY:Lunar New Year")
    christmas = event("DTSTART;VALUE=DATE:20201225", "RRULE:FREQ=YEARLY", "SUMMARY:Christmas")

    assert read(lunar, christmas).known_until == date(2027, 2, 6)
    assert read(christmas).known_until == date(2030, 12, 31)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([DAY, "RRULE:FREQ=HOURLY"], "FREQ=HOURLY is not read"),
        ([DAY, "RRULE:FREQ=YEARLY;BYWEEKNO=20"], "BYWEEKNO, which is not read"),
        ([DAY, "RRULE:FREQ=YEARLY;BYDAY=20MO"], "needs BYMONTH"),
        ([DAY, "RRULE:FREQ=DAILY;INTERVAL=0"], "INTERVAL must be 1 to 1,000"),
        ([DAY, "RRULE:FREQ=DAILY;COUNT=1000000"], "COUNT must be 1 to 100,000"),
        ([DAY, "RRULE:FREQ=YEARLY", "RRULE:FREQ=DAILY"], "more than one RRULE"),
        ([DAY, "RRULE:often"], "rule cannot be read"),
        ([DAY, "RRULE:FREQ=YEARLY;BYMONTH=13"], "BYMONTH"),
        ([DAY, DAY], "one DTSTART"),
        (["DTSTART:soon"], "DTSTART cannot be read"),
        ([], "one DTSTART"),
        (["DTSTART;VALUE=DATE:15990101"], "before 1600-01-01"),
        (["DTSTART;TZID=Nowhere/Town:20260501T090000"], "time zone 'Nowhere/Town' is unknown"),
        ([DAY, "RDATE;VALUE=PERIOD:20260501T000000Z/PT1H"], "RDATE is no day or time"),
        ([DAY, "EXDATE:never"], "EXDATE cannot be read"),
        ([DAY, "DURATION:long"], "DURATION cannot be read"),
        ([DAY, "DTEND;VALUE=DATE:99991231", "RRULE:FREQ=DAILY"], "too many days"),
        (["DTSTART:99991231T230000Z", "DURATION:P9D"], "beyond the year 9999"),
    ],
)
def test_what_cannot_be_read_is_refused_and_names_the_event(lines: list[str], says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(event("SUMMARY:Founders' day", *lines))

    assert refused.value.field == "ics"
    assert "Founders' day" in refused.value.message
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no events"),
        ("date,label\r\n2026-05-01,Labour Day", "no calendar file"),
        ("BEGIN:VCALENDAR", "ends in the middle"),
        (HEAD + TAIL, "no events"),
        (HEAD + event(DAY) * 10_001 + TAIL, "10,000 events"),
        (HEAD + " " * 1_000_001, "1,000,000 characters"),
        (HEAD + event("DTSTART;VALUE=DATE:20200501") + TAIL, "no event from 2026-01-01 to 2030-12-31"),
        (
            HEAD + event("DTSTART;VALUE=DATE:16000101", "RRULE:FREQ=DAILY;COUNT=100000") * 20 + TAIL,
            "too often",
        ),
        (HEAD + event(DAY) + TAIL + HEAD + event(DAY), "ends in the middle"),
        (
            "BEGIN:VCALENDAR\r\n" + "BEGIN:VEVENT\r\n" * 30_000 + "END:VEVENT\r\n" * 30_000 + TAIL,
            "10,000 events",
        ),
        ("BEGIN:VEVENT\r\n" * 50_000, "no events"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(text: str, says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        dates_from_ics(text, zone="UTC", first=date(2026, 1, 1), last=date(2030, 12, 31))

    assert refused.value.field == "ics"
    assert says in refused.value.message


PIECES = """
BEGIN:VEVENT
END:VEVENT
BEGIN:VALARM
END:VALARM
END:VCALENDAR
BEGIN:VCALENDAR
BEGIN:VTIMEZONE
DTSTART:20260501T090000
DTSTART;TZID=X:20260501T090000
DTSTART;VALUE=DATE:20260501
DTEND:20260501
RRULE:FREQ=YEARLY
RRULE:FREQ=WEEKLY;BYDAY=XX,MO
RRULE:FREQ=MONTHLY;BYSETPOS=-1;BYDAY=1MO
EXDATE:20260501
RDATE:20260501T000000/20260502T000000
DURATION:-P1D
DURATION:P1W
RRULE:
RECURRENCE-ID:20260501
STATUS:CANCELLED
UID:a
SUMMARY:\\n
DTSTART
DTSTART:
;:=
RRULE:COUNT=x
TZID:X
RRULE:FREQ=SECONDLY
END:VTIMEZONE
BEGIN:STANDARD
END:STANDARD
TZOFFSETFROM:-0500
TZOFFSETTO:-0500
"""
pieces = st.sampled_from(PIECES.split())
lines = st.lists(pieces | st.text(max_size=20), max_size=12)


@settings(max_examples=300)
@given(lines=lines, inside=st.booleans())
def test_any_text_gives_dates_or_a_refusal(lines: list[str], inside: bool) -> None:
    text = HEAD + event(DAY, *lines) + TAIL if inside else "\n".join(lines)

    refused = False
    try:
        dates = dates_from_ics(text, zone="UTC", first=date(2026, 1, 1), last=date(2027, 12, 31))
    except InvalidInput:
        refused = True

    assert refused or all(2026 <= day.on.year <= 2027 for day in dates.days)
