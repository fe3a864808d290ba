"""What jitter and calendars make of an instant, and how a plan goes by it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.fates import jitter_of
from services.scheduler.planner import MissedRange, Skipped, plan
from shared.domain.ids import JobId
from shared.domain.policy import OnExcluded, OnMissed
from shared.domain.run import Reason
from tests.unit.services.scheduler.plans import (
    DAY,
    HOUR,
    JOB,
    NOW,
    RULE,
    SECOND,
    Closed,
    ahead,
    decided,
    every,
    instants,
    line,
    rules,
    skipped,
)


@given(job=st.uuids(), jitter=st.integers(0, 100_000), instant=st.integers(0, 7_000_000_000))
def test_jitter_is_the_same_each_time_and_less_than_its_bound(job: UUID, jitter: int, instant: int) -> None:
    bound = timedelta(seconds=jitter)
    at = datetime.fromtimestamp(instant, UTC)

    found = jitter_of(JobId(job), at, bound)

    assert found == jitter_of(JobId(job), at, bound)
    assert timedelta(0) <= found < max(bound, SECOND)
    assert found % SECOND == timedelta(0)


def test_jitter_spreads_jobs_over_its_whole_width() -> None:
    found = {jitter_of(JobId(UUID(int=n)), NOW, 10 * SECOND) for n in range(200)}

    assert found == {n * SECOND for n in range(10)}


def test_a_run_with_jitter_keeps_its_instant_and_is_decided_when_it_is_due() -> None:
    by = rules(jitter=HOUR)

    found = decided(every(7_200), since_s=1, by=by)

    (only,) = found.emissions
    assert (only.nominal_at, only.due_at) == (NOW, NOW + jitter_of(JOB, NOW, HOUR))
    assert only.due_at > NOW + 2 * SECOND
    assert only.contested
    assert found.next_due_at == NOW + 2 * HOUR
    assert found.shown_at == NOW + 2 * HOUR + jitter_of(JOB, NOW + 2 * HOUR, HOUR)


def test_jitter_stays_below_the_next_instant() -> None:
    found = decided(every(2), window_s=600, by=rules(jitter=HOUR))

    assert {one.due_at - one.nominal_at for one in found.emissions} == {SECOND}


def test_how_late_an_instant_is_goes_by_when_it_is_due() -> None:
    late = timedelta(seconds=90)
    at = NOW - late
    jitter = next(n * SECOND for n in range(60, 3_600) if jitter_of(JOB, at, n * SECOND) > 60 * SECOND)
    schedule = every(86_400, anchor=at - DAY)

    found = decided(schedule, since_s=100, by=rules(jitter=jitter, on_missed=OnMissed.SKIP))

    assert (found.missed, instants(found)) == (None, [at])


def test_one_that_is_due_just_as_long_ago_as_the_grace_is_misfired() -> None:
    limit, jitter = NOW - RULE.grace, 100 * SECOND
    at = next(
        limit - n * SECOND for n in range(1, 100) if jitter_of(JOB, limit - n * SECOND, jitter) == n * SECOND
    )

    found = decided(
        every(86_400, anchor=at - DAY), since_s=200, by=rules(jitter=jitter, on_missed=OnMissed.SKIP)
    )

    assert found.missed == MissedRange(first=at, last=at, count=1)


# --- calendars ---------------------------------------------------------------------------------


def test_an_excluded_instant_is_skipped_and_says_by_what() -> None:
    found = decided(every(3_600), since_s=1, by=rules(calendars=Closed(frozenset({12}))))

    assert found.instants == (Skipped(nominal_at=NOW, reason=Reason.CALENDAR, detail="12 h (in Quiet)"),)
    assert found.next_due_at == NOW + HOUR


def test_what_is_shown_next_is_what_will_run() -> None:
    found = decided(every(3_600), since_s=1, by=rules(calendars=Closed(frozenset({12, 13, 14}))))

    assert (found.next_due_at, found.shown_at) == (NOW + HOUR, NOW + 3 * HOUR)


@pytest.mark.parametrize(("known_s", "shown_s"), [(0, 3_600), (2, 3_600), (9 * 3_600, 9 * 3_600)])
def test_what_was_found_to_run_next_is_looked_for_again_once_it_is_past(known_s: int, shown_s: int) -> None:
    known = line(every(3_600), since_s=1, shown_at=NOW + known_s * SECOND)

    (found,) = plan(rules(calendars=Closed(frozenset({12}))), [known], ahead())

    assert found.shown_at == NOW + shown_s * SECOND


def test_a_moved_instant_is_not_shown_before_one_that_comes_earlier() -> None:
    by = rules(calendars=Closed(frozenset({13})), on_excluded=OnExcluded.MOVE)

    assert decided(every(3_600), by=by).shown_at == NOW + 2 * HOUR


def test_two_instants_that_are_moved_to_one_are_one_run() -> None:
    by = rules(calendars=Closed(frozenset({12, 13}), to=NOW + 2 * DAY), on_excluded=OnExcluded.MOVE)

    found = decided(every(3_600), since_s=1, window_s=3_600, by=by)

    assert instants(found) == [NOW]
    assert skipped(found) == [(NOW + HOUR, Reason.COINCIDES)]


def test_with_calendars_that_allow_nothing_none_is_shown() -> None:
    found = decided(every(3_600), by=rules(calendars=Closed(frozenset(range(24)))))

    assert (found.next_due_at, found.shown_at) == (NOW + HOUR, None)


def test_an_excluded_instant_can_be_moved_and_keeps_its_name() -> None:
    by = rules(calendars=Closed(frozenset({12})), on_excluded=OnExcluded.MOVE)

    (only,) = decided(every(86_400), since_s=1, by=by).emissions

    assert (only.nominal_at, only.due_at, only.counts_at) == (NOW, NOW + DAY + HOUR, NOW + DAY + HOUR)
    assert only.contested
    assert only.detail == "moved: 12 h (in Quiet)"


def test_an_instant_that_cannot_be_moved_is_skipped() -> None:
    by = rules(calendars=Closed(frozenset({12}), is_endless=True), on_excluded=OnExcluded.MOVE)

    found = decided(every(86_400), since_s=1, by=by)

    assert skipped(found) == [(NOW, Reason.CALENDAR)]


def test_the_newest_that_is_allowed_is_caught_up() -> None:
    by = rules(calendars=Closed(frozenset({10, 11})))

    found = decided(every(3_600), since_s=5 * 3_600, window_s=0, by=by)

    assert found.missed == MissedRange(first=NOW - 4 * HOUR, last=NOW - 4 * HOUR, count=1)
    assert skipped(found) == [(NOW - 2 * HOUR, Reason.CALENDAR), (NOW - HOUR, Reason.CALENDAR)]
    assert instants(found) == [NOW - 3 * HOUR, NOW]


def test_what_a_calendar_moved_ahead_is_on_time_though_nothing_is_caught_up() -> None:
    by = rules(calendars=Closed(frozenset({10})), on_excluded=OnExcluded.MOVE, on_missed=OnMissed.SKIP)

    found = decided(every(86_400, anchor=NOW - 10 * DAY - 2 * HOUR), since_s=5 * 3_600, window_s=0, by=by)

    assert [(one.nominal_at, one.due_at) for one in found.emissions] == [(NOW - 2 * HOUR, NOW + 23 * HOUR)]
    assert found.missed is None


def test_a_moved_instant_is_not_missed_while_it_is_still_to_come() -> None:
    by = rules(calendars=Closed(frozenset({10})), on_excluded=OnExcluded.MOVE, on_missed=OnMissed.ALL)

    found = decided(every(86_400 // 12), since_s=5 * 3_600, window_s=0, by=by)

    assert [(one.nominal_at, one.due_at) for one in found.emissions] == [
        (NOW - 4 * HOUR, NOW - 4 * HOUR),
        (NOW - 2 * HOUR, NOW + 23 * HOUR),
        (NOW, NOW),
    ]


def test_of_a_year_with_calendars_a_bounded_part_is_looked_at() -> None:
    found = decided(
        every(60), since_s=365 * 86_400, window_s=0, by=rules(calendars=Closed(frozenset(range(24))))
    )

    assert found.missed is not None
    assert found.missed.count + len(found.instants) == 365 * 1_440
    assert len(found.instants) <= 402


# --- several schedules -------------------------------------------------------------------------
