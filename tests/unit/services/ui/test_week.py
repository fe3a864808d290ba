"""The week of all jobs: every planned start is in one hour, and hours are those of the reader's zone."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

from services.ui.queries.week import PlannedSchedule, Plans, hours_of, planned_between, week_of
from shared.domain.policy import DEFAULT_POLICY, policy_from_json
from shared.domain.schedules import from_json, timetable

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
EVERY_HOUR = {"kind": "hourly", "minute": 5}


def planned(rule: dict[str, object], zone: str = "Europe/London", **policy: Any) -> PlannedSchedule:
    return PlannedSchedule(
        job_id=uuid4(),
        job_name="job",
        schedule=from_json(rule, anchor=LONG_AGO + timedelta(seconds=7)),
        zone=zone,
        policy=policy_from_json(policy) if policy else DEFAULT_POLICY,
    )


def plans(*schedules: PlannedSchedule) -> Plans:
    return Plans(schedules=schedules, cut=False)


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-12-01", "Asia/Hong_Kong", [*range(24)]),
        ("2027-03-28", "Europe/London", [0, *range(2, 24)]),
        ("2027-10-31", "Europe/London", [0, 1, 1, *range(2, 24)]),
        ("2018-11-04", "America/Sao_Paulo", [*range(1, 24)]),
        ("2018-02-17", "America/Sao_Paulo", [*range(24), 23]),
        ("2026-10-04", "Australia/Lord_Howe", [*range(24)]),
        ("2026-04-05", "Australia/Lord_Howe", [0, 1, 1, *range(2, 24)]),
        ("2011-12-30", "Pacific/Apia", []),
    ],
)
def test_a_day_has_the_hours_that_its_clocks_show(day: str, zone: str, hours: list[int]) -> None:
    shown = list(hours_of(date.fromisoformat(day), zone))

    assert [hour.hour for hour in shown] == hours
    assert all(one.end == after.begin for one, after in pairwise(shown))
    assert [hour.again for hour in shown] == [hour in hours[:n] for n, hour in enumerate(hours)]


@pytest.mark.parametrize(
    ("start", "zone"),
    [
        (date(2026, 11, 30), "Asia/Hong_Kong"),
        (date(2027, 3, 25), "Europe/London"),
        (date(2027, 10, 27), "America/New_York"),
        (date(2026, 10, 1), "Australia/Lord_Howe"),
    ],
)
def test_every_start_is_counted_in_its_hour(start: date, zone: str) -> None:
    schedules = [
        planned({"kind": "interval", "every_s": 1_000}),
        planned({"kind": "interval", "every_s": 1_000, "anchor": "2020-01-01T00:03:20Z"}),
        planned({"kind": "interval", "every_s": 90_000}),
        planned({"kind": "cron", "expr": "*/7 * * * *"}, "America/New_York"),
        planned({"kind": "daily", "at": "00:00"}, zone),
        planned({"kind": "daily", "at": "01:30"}, "Europe/London"),
        planned({"kind": "weekly", "at": "23:59:59", "days": ["sun"]}, zone),
    ]

    shown = week_of(plans(*schedules, *schedules[:3]), start=start, zone=zone, now=LONG_AGO)

    for hour in (hour for day in shown.days for hour in day.hours):
        fires = [
            at
            for one in [*schedules, *schedules[:3]]
            for at in timetable(one.schedule, one.zone).between(
                hour.begin - timedelta(seconds=1), hour.end - timedelta(seconds=1)
            )
        ]
        assert hour.starts == len(fires), hour
    assert shown.starts == sum(day.starts for day in shown.days)
    assert shown.jobs == 7


def test_a_job_is_counted_between_its_start_and_its_end_and_not_in_the_past() -> None:
    start = date(2026, 12, 7)
    bounded = planned(EVERY_HOUR, "UTC", starts_at="2026-12-08T12:00:00Z", ends_at="2026-12-08T15:05:00Z")
    now = datetime(2026, 12, 8, 14, 4, tzinfo=UTC)

    ahead = week_of(plans(bounded), start=start, zone="UTC", now=now)
    whole = week_of(plans(bounded), start=start, zone="UTC", now=LONG_AGO)

    assert (ahead.starts, whole.starts) == (2, 4)


def test_the_fullest_instant_of_an_hour_is_named() -> None:
    crowd = [planned({"kind": "daily", "at": "00:00"}, "UTC") for _ in range(12)]
    few = [planned({"kind": "daily", "at": at}, "UTC") for at in ("00:30", "09:00", "09:00")]

    shown = week_of(plans(*crowd, *few), start=date(2026, 12, 7), zone="UTC", now=LONG_AGO)

    (busy,) = shown.busiest
    assert (busy.at, busy.starts) == (datetime(2026, 12, 7, tzinfo=UTC), 12)


def test_the_jobs_of_an_hour_are_listed_by_their_first_start() -> None:
    early = planned({"kind": "cron", "expr": "5,50 9 * * *"}, "UTC")
    late = planned({"kind": "daily", "at": "09:59"}, "UTC")
    elsewhere = planned({"kind": "daily", "at": "10:00"}, "UTC")
    begin = datetime(2026, 12, 7, 9, tzinfo=UTC)

    shown = planned_between(plans(late, elsewhere, early), begin=begin, end=begin + timedelta(hours=1))

    assert [(item.job_id, item.starts) for item in shown.items] == [(early.job_id, 2), (late.job_id, 1)]
    assert shown.items[0].first == begin + timedelta(minutes=5)
    assert (shown.jobs, shown.starts) == (2, 3)
