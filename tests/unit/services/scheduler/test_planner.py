"""Planning as a pure function: every instant is decided exactly once, and an outage costs no time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from time import process_time
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scheduler.planner import COINCIDES, Emission, MissedRange, Plan, Skipped, plan
from services.scheduler.rules import Rules
from shared.domain.ids import ScheduleId
from shared.domain.policy import MAX_CAUGHT_UP, OnExcluded, OnMissed, Overlap
from shared.domain.run import Reason
from shared.domain.schedules import Manual, timetable
from tests.unit.services.scheduler.plans import (
    DAY,
    FIRST,
    HOUR,
    NOW,
    RULE,
    SECOND,
    SECOND_ID,
    Closed,
    ahead,
    decided,
    every,
    instants,
    line,
    rules,
    skipped,
)


def test_an_instant_within_the_window_becomes_a_run() -> None:
    found = decided(every(10), since_s=5)

    assert found.instants == (Emission(nominal_at=NOW, due_at=NOW, contested=False, counts_at=NOW),)
    assert (found.next_due_at, found.shown_at) == (NOW + 10 * SECOND, NOW + 10 * SECOND)
    assert found.missed is None


def test_nothing_is_planned_further_ahead_than_the_window() -> None:
    found = decided(every(1))

    assert instants(found) == [NOW + SECOND, NOW + 2 * SECOND]


def test_a_manual_job_has_nothing_to_decide() -> None:
    found = decided(timetable(Manual(), "UTC"), since_s=10_000)

    assert (found.missed, found.instants, found.next_due_at, found.shown_at) == (None, (), None, None)


# --- misfire -----------------------------------------------------------------------------------


def test_after_an_outage_the_newest_runs_and_the_others_are_one_range() -> None:
    found = decided(every(600), since_s=6_000)

    assert found.missed == MissedRange(first=NOW - 5_400 * SECOND, last=NOW - 1_200 * SECOND, count=8)
    assert instants(found) == [NOW - 600 * SECOND, NOW]


def test_what_is_late_within_the_grace_all_runs() -> None:
    found = decided(every(20), since_s=59)

    assert found.missed is None
    assert instants(found) == [NOW - 40 * SECOND, NOW - 20 * SECOND, NOW]


def test_an_instant_just_as_old_as_the_grace_is_misfired() -> None:
    found = decided(every(30), since_s=95, window_s=0)

    assert found.missed == MissedRange(first=NOW - 90 * SECOND, last=NOW - 90 * SECOND, count=1)
    assert instants(found) == [NOW - 60 * SECOND, NOW - 30 * SECOND, NOW]


def test_one_missed_instant_runs_and_leaves_no_range() -> None:
    found = decided(every(3_600), since_s=3_601, window_s=0)

    assert found.missed is None
    assert instants(found) == [NOW - 3_600 * SECOND, NOW]


def test_skip_runs_nothing_that_is_late_and_counts_it() -> None:
    found = decided(every(600), since_s=1_900, window_s=0, by=rules(on_missed=OnMissed.SKIP))

    assert found.missed == MissedRange(first=NOW - 1_800 * SECOND, last=NOW - 600 * SECOND, count=3)
    assert instants(found) == [NOW]


def test_all_runs_each_of_them_oldest_first() -> None:
    found = decided(every(600), since_s=1_900, window_s=0, by=rules(on_missed=OnMissed.ALL))

    assert found.missed is None
    assert instants(found) == [NOW - 600 * n * SECOND for n in (3, 2, 1, 0)]


def test_all_runs_a_hundred_at_most_and_counts_the_older_ones() -> None:
    found = decided(every(60), since_s=60 * 150 + 1, window_s=0, by=rules(on_missed=OnMissed.ALL))

    assert found.missed == MissedRange(first=NOW - 9_000 * SECOND, last=NOW - 6_060 * SECOND, count=50)
    assert instants(found) == [NOW - 60 * n * SECOND for n in range(MAX_CAUGHT_UP, -1, -1)]


def test_the_hundred_are_those_of_the_whole_job() -> None:
    by = rules(on_missed=OnMissed.ALL, overlap=Overlap.ALLOW)
    lines = [
        line(every(60), since_s=6_000),
        line(every(120), since_s=12_000, schedule_id=SECOND_ID, args=("other",)),
    ]

    found = plan(by, lines, ahead(0))

    late = [at for one in found for at in instants(one) if at <= NOW - RULE.grace]
    assert len(late) == MAX_CAUGHT_UP
    for one, seconds in zip(found, (60, 120), strict=True):
        assert one.missed is not None
        assert all(at > one.missed.last for at in instants(one))
        assert one.missed.last >= min(late) - seconds * SECOND


def test_what_is_older_than_the_catch_up_window_does_not_run_any_more() -> None:
    found = decided(every(600), since_s=1_900, window_s=0, by=rules(catch_up=timedelta(minutes=5)))

    assert found.missed == MissedRange(first=NOW - 1_800 * SECOND, last=NOW - 600 * SECOND, count=3)
    assert instants(found) == [NOW]


def test_the_window_also_bounds_what_all_catches_up() -> None:
    by = rules(on_missed=OnMissed.ALL, catch_up=timedelta(minutes=20))

    found = decided(every(600), since_s=1_900, window_s=0, by=by)

    assert found.missed == MissedRange(first=NOW - 1_800 * SECOND, last=NOW - 1_800 * SECOND, count=1)
    assert instants(found) == [NOW - 1_200 * SECOND, NOW - 600 * SECOND, NOW]


@pytest.mark.parametrize(("is_once", "runs"), [(False, 0), (True, 1)])
def test_what_fires_once_is_caught_up_for_seven_days(is_once: bool, runs: int) -> None:
    weekly = every(7 * 86_400, anchor=NOW - 9 * DAY)

    (found,) = plan(rules(), [line(weekly, since_s=8 * 86_400, is_once=is_once)], ahead(0))

    assert (len(found.emissions), 1 - runs) == (runs, 0 if found.missed is None else found.missed.count)


def test_what_could_not_start_before_its_deadline_is_not_caught_up() -> None:
    found = decided(every(3_600), since_s=7_300, window_s=0, by=rules(start_deadline=timedelta(minutes=10)))

    assert found.missed == MissedRange(first=NOW - 2 * HOUR, last=NOW - HOUR, count=2)
    assert instants(found) == [NOW]


def test_a_year_of_seconds_is_decided_without_walking_through_it() -> None:
    before = process_time()

    found = decided(every(1), since_s=365 * 86_400)

    assert found.missed is not None
    assert found.missed.count == 365 * 86_400 - 60 - 1
    assert len(found.emissions) == 1 + 60 + 2
    # Walking takes minutes: this is no measurement, only the difference between the two.
    assert process_time() - before < 5


def test_a_clock_that_was_set_back_decides_nothing_twice() -> None:
    (found,) = plan(rules(), [line(every(1), since_s=-3_600)], ahead())

    assert (found.missed, found.instants) == (None, ())
    assert found.decided_until == NOW + HOUR


# --- overlap -----------------------------------------------------------------------------------


def test_only_the_first_run_goes_uncontested() -> None:
    assert [one.contested for one in decided(every(1)).emissions] == [False, True]


def test_every_run_is_contested_while_another_goes_on() -> None:
    assert all(one.contested for one in decided(every(1), by=rules(unfinished=1)).emissions)


def test_nothing_is_contested_when_overlap_is_allowed() -> None:
    found = decided(every(1), by=rules(overlap=Overlap.ALLOW, unfinished=9))

    assert not any(one.contested for one in found.emissions)


def test_what_is_beyond_the_number_at_once_is_contested() -> None:
    found = decided(every(1), window_s=3, by=rules(overlap=Overlap.ALLOW, unfinished=1, max_concurrent=3))

    assert [one.contested for one in found.emissions] == [False, False, True]


# --- start, end, max_runs ----------------------------------------------------------------------


def test_what_lies_before_the_start_or_after_the_end_is_not_promised() -> None:
    by = rules(
        starts_at=NOW - 20 * SECOND, ends_at=NOW + 10 * SECOND, overlap=Overlap.ALLOW, on_missed=OnMissed.ALL
    )

    found = decided(every(10), since_s=1_000, window_s=60, by=by)

    assert found.missed is None
    assert instants(found) == [NOW + n * 10 * SECOND for n in (-2, -1, 0, 1)]
    assert (found.next_due_at, found.shown_at) == (None, None)
    assert found.decided_until == NOW + 60 * SECOND


def test_before_its_start_a_job_waits_for_it() -> None:
    found = decided(every(600), by=rules(starts_at=NOW + DAY))

    assert (found.missed, found.instants) == (None, ())
    assert (found.next_due_at, found.shown_at) == (NOW + DAY, NOW + DAY)


def test_after_its_last_run_nothing_is_promised() -> None:
    by = rules(max_runs=5, promised=3, overlap=Overlap.ALLOW)

    found = decided(every(1), window_s=6, by=by)

    assert instants(found) == [NOW + SECOND, NOW + 2 * SECOND]
    assert (found.decided_until, found.next_due_at, found.shown_at) == (NOW + 2 * SECOND, None, None)


def test_a_job_that_has_had_its_runs_decides_nothing() -> None:
    found = decided(every(600), since_s=6_000, by=rules(max_runs=3, promised=3))

    assert (found.missed, found.instants, found.next_due_at) == (None, (), None)
    assert found.decided_until == NOW - 6_000 * SECOND


def test_a_limit_that_was_lowered_below_what_ran_is_reached() -> None:
    assert decided(every(1), by=rules(max_runs=3, promised=5)).instants == ()


def test_the_last_runs_are_the_first_ones_in_time_of_all_schedules() -> None:
    by = rules(max_runs=2, overlap=Overlap.ALLOW)
    lines = [
        line(every(20), schedule_id=FIRST),
        line(every(10), schedule_id=SECOND_ID, args=("other",)),
    ]

    first, second = plan(by, lines, ahead(60))

    assert (instants(first), instants(second)) == ([NOW + 20 * SECOND], [NOW + 10 * SECOND])


def test_what_is_skipped_or_missed_does_not_count_as_a_run() -> None:
    by = rules(max_runs=2, calendars=Closed(frozenset({10})))

    found = decided(every(3_600), since_s=5 * 3_600, window_s=2 * 3_600, by=by)

    assert found.missed is not None
    assert instants(found) == [NOW - HOUR, NOW]


# --- jitter ------------------------------------------------------------------------------------


def both(*, args: Sequence[str] = (), by: Rules | None = None, taken: Any = ()) -> tuple[Plan, Plan]:
    lines = [
        line(every(60), since_s=1, schedule_id=SECOND_ID),
        line(every(30), since_s=1, args=tuple(args)),
    ]
    first, second = plan(by or rules(), lines, ahead(), taken=taken)
    return first, second


def test_of_two_schedules_at_one_instant_that_with_the_lower_id_runs() -> None:
    first, second = both()

    assert (first.schedule_id, second.schedule_id) == (FIRST, SECOND_ID)
    assert instants(first) == [NOW]
    assert second.instants == (Skipped(nominal_at=NOW, reason=Reason.COINCIDES, detail=COINCIDES),)


def test_with_other_arguments_both_run() -> None:
    first, second = both(args=["other"])

    assert instants(first) == instants(second) == [NOW]
    assert [first.emissions[0].contested, second.emissions[0].contested] == [False, True]


def test_what_the_ledger_already_promises_coincides_too() -> None:
    first, second = both(taken={((), NOW)})

    assert skipped(first) == skipped(second) == [(NOW, Reason.COINCIDES)]


def test_of_two_schedules_one_goes_on_when_the_last_run_is_reached() -> None:
    first, second = both(args=["other"], by=rules(max_runs=1))

    assert (instants(first), instants(second)) == ([NOW], [])
    assert first.next_due_at is second.next_due_at is None


# --- exactly once ------------------------------------------------------------------------------

looks = st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 4)), min_size=1, max_size=12)
policies = st.builds(
    rules,
    on_missed=st.sampled_from(OnMissed),
    overlap=st.sampled_from(Overlap),
    catch_up=st.sampled_from([None, timedelta(minutes=10)]),
    jitter=st.sampled_from([timedelta(0), timedelta(seconds=100)]),
    calendars=st.sampled_from([None, Closed(frozenset({12, 15, 16}))]),
    on_excluded=st.sampled_from(OnExcluded),
)


@settings(deadline=None)  # it grows with the looks, and the machine may be busy
@given(seconds=st.integers(1, 900), looks=looks, back=st.integers(0, 300), by=policies)
def test_every_instant_is_decided_exactly_once_however_often_one_looks(
    seconds: int, looks: list[tuple[int, int]], back: int, by: Rules
) -> None:
    schedules = (every(seconds), every(seconds * 2))
    start = now = NOW
    cursors = [start, start]
    known: list[list[datetime]] = [[], []]
    missed = [0, 0]

    for pause_s, window_s in looks:
        now += pause_s * SECOND
        lines = [
            line(schedule, schedule_id=ScheduleId(UUID(int=index)), decided_until=cursors[index])
            for index, schedule in enumerate(schedules)
        ]
        for index, found in enumerate(plan(by, lines, ahead(window_s, now=now))):
            assert found.decided_until >= cursors[index]
            assert found.next_due_at == schedules[index].next_after(found.decided_until)
            cursors[index] = found.decided_until
            if found.missed is not None:
                assert all(one.nominal_at > found.missed.last for one in found.instants)
                assert found.missed.count == schedules[index].count_between(
                    found.missed.first - SECOND, found.missed.last
                )
                missed[index] += found.missed.count
            known[index] += [one.nominal_at for one in found.instants]
            for one in found.emissions:
                following = schedules[index].next_after(one.nominal_at)
                assert one.nominal_at <= one.due_at
                assert one.counts_at != one.nominal_at or one.due_at < following  # type: ignore[operator]
        now -= back * SECOND

    for index, schedule in enumerate(schedules):
        assert known[index] == sorted(set(known[index]))
        assert len(known[index]) + missed[index] == schedule.count_between(start, cursors[index])
        assert all(start < instant <= cursors[index] for instant in known[index])
