"""The planner: each instant is decided exactly once, however long nobody looked."""

from datetime import UTC, datetime, timedelta
from time import process_time

from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.planner import Emission, Misfire, MissedRange, Plan, Span, plan
from shared.domain.policy import Overlap
from shared.domain.schedules import Interval, Manual, Timetable, timetable

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RULE = Misfire(grace=timedelta(seconds=60), catch_up=timedelta(hours=24))


def every(seconds: int) -> Timetable:
    return timetable(Interval(every=timedelta(seconds=seconds), anchor=NOW - timedelta(days=400)), "UTC")


def span(*, since_s: float, window_s: float = 2) -> Span:
    return Span(
        decided_until=NOW - timedelta(seconds=since_s), now=NOW, horizon=NOW + timedelta(seconds=window_s)
    )


def decided(schedule: Timetable, at: Span, *, active: bool = False, rule: Misfire = RULE) -> Plan:
    return plan(schedule, at, misfire=rule, overlap=Overlap.SKIP, active=active)


def instants(found: Plan) -> list[datetime]:
    return [emission.nominal_at for emission in found.emissions]


def test_an_instant_within_the_window_becomes_a_run() -> None:
    found = decided(every(10), span(since_s=5))

    assert found.emissions == (Emission(nominal_at=NOW, contested=False),)
    assert found.next_due_at == NOW + 10 * SECOND
    assert found.missed is None


def test_nothing_is_planned_further_ahead_than_the_window() -> None:
    found = decided(every(1), span(since_s=0))

    assert instants(found) == [NOW + SECOND, NOW + 2 * SECOND]


def test_after_an_outage_the_newest_runs_and_the_others_are_one_range() -> None:
    found = decided(every(600), span(since_s=6_000))

    newest_old = NOW - 600 * SECOND
    assert found.missed == MissedRange(first=NOW - 5_400 * SECOND, last=NOW - 1_200 * SECOND, count=8)
    assert instants(found) == [newest_old, NOW]


def test_what_is_late_within_the_grace_all_runs() -> None:
    found = decided(every(20), span(since_s=59))

    assert found.missed is None
    assert instants(found) == [NOW - 40 * SECOND, NOW - 20 * SECOND, NOW]


def test_an_instant_just_as_old_as_the_grace_is_misfired() -> None:
    found = decided(every(30), span(since_s=95, window_s=0))

    assert found.missed == MissedRange(first=NOW - 90 * SECOND, last=NOW - 90 * SECOND, count=1)
    assert instants(found) == [NOW - 60 * SECOND, NOW - 30 * SECOND, NOW]


def test_one_missed_instant_runs_and_leaves_no_range() -> None:
    found = decided(every(3_600), span(since_s=3_601, window_s=0))

    assert found.missed is None
    assert instants(found) == [NOW - 3_600 * SECOND, NOW]


def test_what_is_older_than_the_catch_up_window_does_not_run_any_more() -> None:
    rule = Misfire(grace=timedelta(seconds=60), catch_up=timedelta(minutes=5))

    found = decided(every(600), span(since_s=1_900, window_s=0), rule=rule)

    assert found.missed == MissedRange(first=NOW - 1_800 * SECOND, last=NOW - 600 * SECOND, count=3)
    assert instants(found) == [NOW]


def test_only_the_first_run_goes_uncontested() -> None:
    found = decided(every(1), span(since_s=0))

    assert [emission.contested for emission in found.emissions] == [False, True]


def test_every_run_is_contested_while_another_goes_on() -> None:
    found = decided(every(1), span(since_s=0), active=True)

    assert all(emission.contested for emission in found.emissions)


def test_nothing_is_contested_when_overlap_is_allowed() -> None:
    found = plan(every(1), span(since_s=0), misfire=RULE, overlap=Overlap.ALLOW, active=True)

    assert not any(emission.contested for emission in found.emissions)


def test_a_manual_job_has_nothing_to_decide() -> None:
    found = decided(timetable(Manual(), "UTC"), span(since_s=10_000))

    assert (found.missed, found.emissions, found.next_due_at) == (None, (), None)


def test_a_year_of_seconds_is_decided_without_walking_through_it() -> None:
    before = process_time()

    found = decided(every(1), span(since_s=365 * 86_400))

    assert found.missed is not None
    assert found.missed.count == 365 * 86_400 - 60 - 1
    assert len(found.emissions) == 1 + 60 + 2
    # Walking takes minutes: this is no measurement, only the difference between the two.
    assert process_time() - before < 5


def test_a_clock_that_was_set_back_decides_nothing_twice() -> None:
    ahead = Span(decided_until=NOW + timedelta(hours=1), now=NOW, horizon=NOW + 2 * SECOND)

    found = decided(every(1), ahead)

    assert (found.missed, found.emissions) == (None, ())
    assert found.decided_until == ahead.decided_until


looks = st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 4)), min_size=1, max_size=12)


@given(seconds=st.integers(1, 900), looks=looks, back=st.integers(0, 300))
def test_every_instant_is_decided_exactly_once_however_often_one_looks(
    seconds: int, looks: list[tuple[int, int]], back: int
) -> None:
    schedule = every(seconds)
    start = cursor = NOW
    now = NOW
    emitted: list[datetime] = []
    missed = 0

    for pause_s, window_s in looks:
        now += pause_s * SECOND
        at = Span(decided_until=cursor, now=now, horizon=now + window_s * SECOND)
        found = decided(schedule, at)
        assert found.decided_until >= cursor
        cursor = found.decided_until
        emitted += instants(found)
        missed += found.missed.count if found.missed is not None else 0
        assert found.next_due_at == schedule.next_after(cursor)
        now -= back * SECOND

    assert emitted == sorted(set(emitted))
    assert len(emitted) + missed == schedule.count_between(start, cursor)
    assert all(start < instant <= cursor for instant in emitted)


@given(seconds=st.integers(1, 900), since=st.integers(0, 100_000))
def test_a_range_never_holds_an_instant_that_runs(seconds: int, since: int) -> None:
    schedule = every(seconds)

    found = decided(schedule, span(since_s=since))

    if found.missed is not None:
        assert found.missed.count == schedule.count_between(found.missed.first - SECOND, found.missed.last)
        assert all(instant > found.missed.last for instant in instants(found))
