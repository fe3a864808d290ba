"""When a channel may be disturbed, and which rules can be followed."""

from datetime import UTC, datetime, time
from typing import Any
from uuid import uuid4

import pytest

from shared.domain.alert import (
    AlertKind,
    AlertScope,
    Quiet,
    Rule,
    checked_rule,
    in_a_row,
    next_try,
    quiet_from,
)
from shared.domain.errors import InvalidInput
from shared.domain.run import RunState

NIGHT = {"begins": "22:00", "ends": "07:00", "zone": "UTC"}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "until"),
    [("13:59", "13:59"), ("14:00", "23:00"), ("15:30", "23:00"), ("22:59", "23:00"), ("23:00", "23:00")],
)
def test_quiet_hours_go_over_midnight_where_the_channel_is(at: str, until: str) -> None:
    quiet = Quiet(begins=time(22), ends=time(7), zone="Asia/Hong_Kong")
    now, then = (NOON.replace(hour=int(text[:2]), minute=int(text[3:])) for text in (at, until))

    assert quiet.until(now) == then


def test_quiet_hours_end_at_their_time_when_clocks_change() -> None:
    quiet = Quiet(begins=time(23), ends=time(7), zone="Europe/Berlin")

    assert quiet.until(datetime(2026, 3, 28, 22, 30, tzinfo=UTC)) == datetime(2026, 3, 29, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {**NIGHT, "ends": "22:00"},
        {**NIGHT, "begins": "x"},
        {**NIGHT, "begins": 22},
        {**NIGHT, "ends": "07:00+01:00"},
        {**NIGHT, "zone": "../etc/passwd"},
        {**NIGHT, "zone": "a\x00"},
    ],
)
def test_what_are_no_quiet_hours_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="uiet hours"):
        quiet_from(value)


def test_failures_are_counted_back_to_the_last_success() -> None:
    bad, lost, good = RunState.FAILED, RunState.LOST, RunState.SUCCEEDED

    assert [in_a_row(states) for states in ([], [good, bad], [bad, lost, good, bad])] == [0, 0, 2]


def test_a_message_is_tried_again_less_and_less_often() -> None:
    waits = [(next_try(tries, NOON) - NOON).total_seconds() for tries in range(1, 11)]

    assert waits == [15, 30, 60, 120, 300, 600, 1_200, 1_800, 1_800, 1_800]


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("channels", {"channels": ()}),
        ("in_a_row", {"in_a_row": 0}),
        ("in_a_row", {"in_a_row": 101}),
        ("factor", {"factor": 1.0}),
        ("factor", {"factor": float("nan")}),
        ("remind_s", {"remind_s": 599}),
        ("job_id", {"scope": AlertScope.JOB}),
        ("job_id", {"job_id": uuid4()}),
        ("folder", {"scope": AlertScope.FOLDER, "folder": " / "}),
        ("folder", {"folder": "finance"}),
        ("scope", {"kind": AlertKind.NO_SUCCESS}),
        ("scope", {"kind": AlertKind.QUEUE, "scope": AlertScope.FOLDER, "folder": "finance"}),
        ("after_s", {"kind": AlertKind.LATE, "after_s": 9}),
    ],
)
def test_a_rule_that_cannot_be_followed_says_where(field: str, changes: dict[str, Any]) -> None:
    values = {"id": uuid4(), "kind": AlertKind.FAILED, "scope": AlertScope.ALL, "channels": (uuid4(),)}

    with pytest.raises(InvalidInput) as refused:
        checked_rule(Rule(**{**values, **changes}))

    assert refused.value.field == field


def test_a_folder_holds_what_is_below_it_and_nothing_beside_it() -> None:
    rule = Rule(id=uuid4(), kind=AlertKind.FAILED, scope=AlertScope.FOLDER, folder="finance")
    scripts = ["finance/a.py", "finance/daily/b.py", "finance.py", "finances/c.py", "a/finance/d.py"]

    assert [rule.covers(uuid4(), script) for script in scripts] == [True, True, False, False, False]
