"""Where a plan begins and ends: the start and end of a job, its last run, and how much is looked at."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.scheduler.planner import COINCIDES, Emission, MissedRange, Plan, Skipped, plan
from services.scheduler.rules import Line, Misfire, Rules, Span
from shared.domain.ids import JobId, ScheduleId
from shared.domain.policy import OnExcluded, OnMissed, Overlap, Policy
from shared.domain.run import Reason
from shared.domain.schedules import Interval, timetable

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MICROSECOND, SECOND, MINUTE, HOUR, DAY = (
    timedelta(microseconds=1),
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)


@dataclass(frozen=True)
class Closed:
    """Excludes all from `since` up to `until`, and moves it by a day and an hour."""

    since: datetime
    until: datetime

    def excluded_by(self, instant: datetime) -> str | None:
        return "a holiday" if self.since <= instant < self.until else None

    def moved(self, nominal: datetime, zone: str) -> datetime | None:
        return nominal + DAY + HOUR


def rules(calendars: Closed | None = None, **policy: Any) -> Rules:
    misfire = Misfire(grace=MINUTE, catch_up=DAY)
    return Rules(
        job_id=JobId(UUID(int=7)),
        policy=Policy(**policy),
        overlap=Overlap.ALLOW,
        misfire=misfire,
        calendars=calendars,
    )


def line(
    step: timedelta, *, since: timedelta, anchor: datetime = NOW, number: int = 1, **fields: Any
) -> Line:
    return Line(
        schedule_id=ScheduleId(UUID(int=number)),
        fires=timetable(Interval(every=step, anchor=anchor - 1_000 * step), "UTC"),
        zone="UTC",
        decided_until=NOW - since,
        **fields,
    )


def planned(by: Rules, *lines: Line, window: timedelta = SECOND) -> tuple[Plan, ...]:
    return plan(by, lines, Span(now=NOW, horizon=NOW + window))


def emitted(found: Plan) -> list[datetime]:
    return [one.nominal_at for one in found.emissions]


def test_what_was_due_before_the_start_was_never_promised() -> None:
    late = line(10 * MINUTE, since=HOUR)

    (found,) = planned(rules(starts_at=NOW - 20 * MINUTE + MICROSECOND), late)

    assert found.missed is None
    assert emitted(found) == [NOW - 10 * MINUTE, NOW]


def test_what_was_due_after_the_end_was_never_promised() -> None:
    late = line(10 * MINUTE, since=HOUR)

    (found,) = planned(rules(ends_at=NOW - 30 * MINUTE), late)

    assert found.missed == MissedRange(first=NOW - 50 * MINUTE, last=NOW - 40 * MINUTE, count=2)
    assert emitted(found) == [NOW - 30 * MINUTE]


def test_an_outage_of_a_closed_time_looks_at_so_many_instants_and_no_more() -> None:
    closed = Closed(NOW - DAY, NOW)

    (found,) = planned(rules(closed, on_excluded=OnExcluded.SKIP), line(MINUTE, since=12 * HOUR))

    assert len([one for one in found.instants if isinstance(one, Skipped)]) == 400
    assert found.missed is not None
    assert found.missed.count == 719 - 400


def test_what_was_moved_ahead_is_not_late() -> None:
    closed = Closed(NOW - DAY, NOW)

    (found,) = planned(rules(closed, on_excluded=OnExcluded.MOVE), line(HOUR, since=4 * HOUR))

    assert found.missed is None
    assert [(one.nominal_at, one.due_at) for one in found.emissions] == [
        (NOW - 3 * HOUR, NOW + 22 * HOUR),
        (NOW - 2 * HOUR, NOW + 23 * HOUR),
        (NOW - HOUR, NOW + 24 * HOUR),
        (NOW, NOW),
    ]


def test_jitter_needs_an_instant_to_be_late() -> None:
    ahead = line(HOUR, since=HOUR, anchor=NOW + 2_000 * HOUR)

    (found,) = planned(rules(jitter=MINUTE), ahead)

    assert (found.missed, found.instants) == (None, ())


def test_nothing_is_said_of_what_lies_beyond_the_last_run() -> None:
    closed = Closed(NOW + SECOND, NOW + HOUR)

    (found,) = planned(
        rules(closed, max_runs=1, on_excluded=OnExcluded.SKIP),
        line(SECOND, since=SECOND),
        window=5 * SECOND,
    )

    assert [one.nominal_at for one in found.instants] == [NOW]


def test_what_coincides_with_the_last_run_is_still_said() -> None:
    one, other = planned(
        rules(max_runs=1), line(SECOND, since=SECOND), line(SECOND, since=SECOND, number=2), window=5 * SECOND
    )

    assert [type(instant) for instant in one.instants] == [Emission]
    assert other.instants == (Skipped(nominal_at=NOW, reason=Reason.COINCIDES, detail=COINCIDES),)
    assert COINCIDES == "another schedule starts the same run at this instant"


def test_a_run_of_other_arguments_with_the_last_one_was_never_promised() -> None:
    _, other = planned(
        rules(max_runs=1), line(SECOND, since=SECOND), line(SECOND, since=SECOND, number=2, args=("b",))
    )

    assert other.instants == ()


def test_a_schedule_goes_on_after_what_it_missed_when_another_had_the_last_run() -> None:
    rare, frequent = planned(
        rules(max_runs=1, on_missed=OnMissed.LATEST),
        line(HOUR, since=2 * HOUR, anchor=NOW - 50 * MINUTE),
        line(10 * MINUTE, since=HOUR, number=2, anchor=NOW - 5 * MINUTE, args=("b",)),
    )

    assert emitted(rare) == [NOW - 50 * MINUTE]
    assert frequent.missed == MissedRange(first=NOW - 55 * MINUTE, last=NOW - 15 * MINUTE, count=5)
    assert frequent.decided_until == NOW - 15 * MINUTE
