"""What a person reads about a change of the clock: the whole sentence, for each of its shapes."""

import pytest

from shared.domain.schedules import Note, parse_cron, timetable
from tests.support.instants import utc

NEW_YORK, LORD_HOWE, APIA = "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"
GAP, FOLD = "2026-03-08 07:00", "2026-11-01 06:00"


@pytest.mark.parametrize(
    ("expression", "zone", "at", "text"),
    [
        ("30 2 * * *", NEW_YORK, GAP, "On 8 Mar 2026 02:30 does not exist: runs at 03:00"),
        ("0 2 * * *", NEW_YORK, GAP, "On 8 Mar 2026 02:00 does not exist: runs at 03:00"),
        ("15 30 2 * * *", NEW_YORK, GAP, "On 8 Mar 2026 02:30:15 does not exist: runs at 03:00"),
        ("0,30 2 * * *", NEW_YORK, GAP, "On 8 Mar 2026 02:00 to 02:30 do not exist: runs once at 03:00"),
        ("0-59 2 * * *", NEW_YORK, GAP, "On 8 Mar 2026 02:00 to 02:59 do not exist: runs once at 03:00"),
        ("1,2 2,3 * * *", NEW_YORK, GAP, "On 8 Mar 2026 02:01 to 02:02 do not exist: runs once at 03:00"),
        ("*/15 2 * * *", NEW_YORK, GAP, "On 8 Mar 2026 02:00 to 02:45 do not exist: no run then"),
        ("30 * * * *", NEW_YORK, GAP, "On 8 Mar 2026 02:30 does not exist: no run then"),
        ("* 59 2 * * *", NEW_YORK, GAP, "On 8 Mar 2026 02:59 to 02:59:59 do not exist: no run then"),
        ("15 2 * * *", LORD_HOWE, "2026-10-03 15:30", "On 4 Oct 2026 02:15 does not exist: runs at 02:30"),
        (
            "0 12 * * *",
            APIA,
            "2011-12-30 10:00",
            "On 30 Dec 2011 12:00 does not exist, for clocks skip 24 hours: no run",
        ),
        ("0 * * * *", APIA, "2011-12-30 10:00", "On 30 Dec 2011 00:00 to 23:00 do not exist: no run then"),
        ("30 1 * * *", NEW_YORK, FOLD, "On 1 Nov 2026 01:30 comes twice: runs the first time only"),
        ("0 1 * * *", NEW_YORK, FOLD, "On 1 Nov 2026 01:00 comes twice: runs the first time only"),
        ("0-59 1 * * *", NEW_YORK, FOLD, "On 1 Nov 2026 01:00 to 01:59 come twice: runs the first time only"),
        ("30 * * * *", NEW_YORK, FOLD, "On 1 Nov 2026 01:30 comes twice: runs both times"),
        ("*/15 1 * * *", NEW_YORK, FOLD, "On 1 Nov 2026 01:00 to 01:45 come twice: runs both times"),
    ],
)
def test_a_change_that_touches_a_schedule_is_told(expression: str, zone: str, at: str, text: str) -> None:
    change = utc(at)

    notes = timetable(parse_cron(expression), zone).transitions(
        change.replace(hour=0), change.replace(hour=23)
    )

    assert notes == [Note(change, text)]


@pytest.mark.parametrize("expression", ["0 3 * * *", "59 1 * * *", "0 0 * * *", "30 2 9 * *", "0 0 30 2 2"])
def test_a_gap_that_touches_no_time_is_not_told(expression: str) -> None:
    table = timetable(parse_cron(expression), NEW_YORK)

    assert table.transitions(utc("2026-03-08 00:00"), utc("2026-03-09 00:00")) == []


@pytest.mark.parametrize("expression", ["0 2 * * *", "59 0 * * *", "30 1 2 * *", "0 0 0 1 1 ? 2020"])
def test_a_fold_that_touches_no_time_is_not_told(expression: str) -> None:
    table = timetable(parse_cron(expression), NEW_YORK)

    assert table.transitions(utc("2026-11-01 00:00"), utc("2026-11-02 00:00")) == []
