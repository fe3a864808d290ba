"""What becomes of one instant: its jitter to the second, its calendar, the edges of the job's life."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any
from uuid import UUID

import pytest

from services.scheduler.fates import Excluded, Runs, fate_of, following, jitter_of, upcoming
from services.scheduler.rules import Line, Misfire, Rules
from shared.domain.ids import JobId, ScheduleId
from shared.domain.policy import OnExcluded, Overlap, Policy
from shared.domain.schedules import Interval, Manual, Once, Schedule, timetable

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
JOB = JobId(UUID(int=7))


@dataclass(frozen=True)
class Closed:
    """Excludes everything before `until`; moves an instant by a day and an hour, or nowhere."""

    until: datetime
    is_endless: bool = False

    def excluded_by(self, instant: datetime) -> str | None:
        return "a holiday" if instant < self.until else None

    def moved(self, nominal: datetime, zone: str) -> datetime | None:
        return None if self.is_endless else nominal + DAY + HOUR


def rules(calendars: Closed | None = None, **policy: Any) -> Rules:
    misfire = Misfire(grace=SECOND, catch_up=DAY)
    return Rules(
        job_id=JOB, policy=Policy(**policy), overlap=Overlap.SKIP, misfire=misfire, calendars=calendars
    )


def line(schedule: Schedule, **fields: Any) -> Line:
    fires = timetable(schedule, "UTC")
    return Line(schedule_id=ScheduleId(UUID(int=1)), fires=fires, zone="UTC", decided_until=NOW, **fields)


def every(step: timedelta) -> Interval:
    return Interval(every=step, anchor=NOW - 1_000 * step)


@pytest.mark.parametrize("nominal_at", [NOW, datetime(1969, 12, 31, 16, tzinfo=UTC)])
def test_jitter_is_the_same_for_ever(nominal_at: datetime) -> None:
    seconds = int(nominal_at.timestamp()) % (1 << 64)
    digest = blake2b(bytes(15) + b"\x07" + bytes.fromhex(f"{seconds:016x}"), digest_size=8).hexdigest()

    assert jitter_of(JOB, nominal_at, HOUR) == timedelta(seconds=int(digest, 16) % 3_600)


def test_an_instant_without_an_heir_has_its_whole_jitter() -> None:
    once = Once(at=NOW.replace(tzinfo=None))
    jitter = jitter_of(JOB, NOW, HOUR)

    assert fate_of(rules(jitter=HOUR), line(once), NOW) == Runs(NOW, NOW + jitter)


def test_an_instant_that_can_be_moved_nowhere_is_excluded_with_both_reasons() -> None:
    closed = rules(Closed(NOW + DAY, is_endless=True), on_excluded=OnExcluded.MOVE)

    assert fate_of(closed, line(every(DAY)), NOW) == Excluded("a holiday; no day to move it to was found")


def test_an_instant_right_before_the_start_does_not_count_and_the_start_does() -> None:
    assert following(rules(starts_at=NOW), line(every(HOUR)), NOW - DAY) == NOW
    assert (
        following(rules(starts_at=NOW + timedelta(microseconds=1)), line(every(HOUR)), NOW - DAY)
        == NOW + HOUR
    )


def test_a_job_that_ends_may_have_no_instant_at_all() -> None:
    assert following(rules(ends_at=NOW + DAY), line(Manual()), NOW) is None
    assert upcoming(rules(Closed(NOW)), line(Manual()), NOW) is None


@pytest.mark.parametrize(("closed_steps", "found"), [(400, NOW + 400 * HOUR), (401, None)])
def test_so_many_instants_are_looked_at_and_no_more(closed_steps: int, found: datetime | None) -> None:
    closed = rules(Closed(NOW + closed_steps * HOUR), on_excluded=OnExcluded.SKIP)

    assert upcoming(closed, line(every(HOUR)), NOW) == found


def test_what_was_found_is_only_kept_where_calendars_made_it_dear() -> None:
    kept = line(every(HOUR), shown_at=NOW + 5 * HOUR)

    assert upcoming(rules(), kept, NOW) == NOW + HOUR
    assert upcoming(rules(Closed(NOW)), kept, NOW) == NOW + 5 * HOUR


def test_the_earliest_of_what_was_moved_is_the_next() -> None:
    closed = rules(Closed(NOW + 365 * 50 * DAY), on_excluded=OnExcluded.MOVE)

    assert upcoming(closed, line(every(5 * DAY)), NOW) == NOW + 6 * DAY + HOUR
