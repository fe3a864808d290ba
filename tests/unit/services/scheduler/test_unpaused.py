"""What pauses leave of a schedule, against a list of all its instants."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.fates import Runs, fate_of
from services.scheduler.rules import Line, Misfire, Rules
from services.scheduler.unpaused import Unpaused, unpaused
from shared.db.pauses import EndedPause
from shared.domain.ids import JobId, ScheduleId, new_id
from shared.domain.policy import Overlap, Policy
from shared.domain.schedules import Interval, timetable
from tests.support.manual_clock import EPOCH

EVERY_10_S = timetable(Interval(every=timedelta(seconds=10), anchor=EPOCH), "UTC")
LAST = 400
MARKS = st.lists(st.integers(0, LAST // 5), max_size=8, unique=True).map(sorted)


def at(count: float) -> datetime:
    return EPOCH + timedelta(seconds=count)


def left_by(marks: list[int]) -> tuple[Unpaused, list[datetime]]:
    """Return the instants between pauses from each odd mark, times 5 s, to the next; and all up to LAST."""
    spans = [(5 * begun, 5 * ended) for begun, ended in zip(marks[::2], marks[1::2], strict=False)]
    all_of = [count for count in range(10, 2 * LAST, 10) if not any(a < count <= b for a, b in spans)]
    fires = Unpaused(EVERY_10_S, tuple(EndedPause(at(a), at(b)) for a, b in spans))
    return fires, [at(count) for count in all_of]


@given(marks=MARKS, after=st.integers(0, LAST), until=st.integers(0, LAST))
def test_what_pauses_leave_is_found_in_every_way(marks: list[int], after: int, until: int) -> None:
    fires, left = left_by(marks)

    assert fires.next_after(at(after)) == min((one for one in left if one > at(after)), default=None)
    assert fires.last_until(at(until)) == max((one for one in left if one <= at(until)), default=None)
    assert fires.count_between(at(after), at(until)) == sum(at(after) < one <= at(until) for one in left)


@given(
    spans=st.lists(st.tuples(st.integers(0, LAST), st.integers(0, LAST)).map(sorted), min_size=1, max_size=5),
    after=st.integers(0, LAST),
    until=st.integers(0, LAST),
)
def test_pauses_that_overlap_take_each_instant_once(spans: list[list[int]], after: int, until: int) -> None:
    line = Line(schedule_id=ScheduleId(new_id()), fires=EVERY_10_S, zone="UTC", decided_until=at(-1))
    left = [at(one) for one in range(10, LAST + 10, 10) if not any(a < one <= b for a, b in spans)]

    fires = unpaused(line, [EndedPause(at(a), at(b)) for a, b in spans]).fires

    assert fires.count_between(at(after), at(until)) == sum(at(after) < one <= at(until) for one in left)
    assert fires.last_until(at(until)) == max((one for one in left if one <= at(until)), default=None)


def test_a_pause_that_was_seen_takes_nothing() -> None:
    line = Line(schedule_id=ScheduleId(new_id()), fires=EVERY_10_S, zone="UTC", decided_until=at(50))

    assert unpaused(line, [EndedPause(at(20), at(50))]) == line


def test_a_pause_does_not_lengthen_the_jitter_of_the_instant_before_it() -> None:
    rules = Rules(
        job_id=JobId(new_id()),
        policy=Policy(jitter=timedelta(seconds=1_000_000)),
        overlap=Overlap.SKIP,
        misfire=Misfire(grace=timedelta(seconds=60), catch_up=timedelta(hours=24)),
    )
    line = Line(schedule_id=ScheduleId(new_id()), fires=EVERY_10_S, zone="UTC", decided_until=at(0))

    fates = [fate_of(rules, one, at(20)) for one in (line, unpaused(line, [EndedPause(at(25), at(355))]))]

    assert fates == [Runs(at(20), at(29))] * 2
