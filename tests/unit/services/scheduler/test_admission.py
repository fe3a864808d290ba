"""Whether a run may go while others of its job have not ended: every row of the table."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.admission import Admission, Go, Replace, Skip, Wait, admission
from shared.domain.policy import MAX_QUEUED, Overlap
from shared.domain.run import Cause, RunState

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
QUEUEING = [Overlap.QUEUE_ONE, Overlap.QUEUE_ALL]
RULES = list(Overlap)


@dataclass(frozen=True)
class One:
    number: int
    state: RunState = RunState.RUNNING
    due_s: int = 0
    cause: Cause = Cause.SCHEDULE
    attempt: int = 1

    @property
    def due_at(self) -> datetime:
        return NOW + timedelta(seconds=self.due_s)


ME = One(50, RunState.HELD, due_s=10)


def asked(*others: One, overlap: Overlap, at_once: int | None = 1, me: One = ME) -> Admission:
    return admission(me, others, overlap=overlap, at_once=at_once)


@pytest.mark.parametrize("overlap", RULES)
def test_a_run_goes_when_no_other_is_there(overlap: Overlap) -> None:
    assert asked(overlap=overlap) == asked(ME, overlap=overlap) == Go()


@pytest.mark.parametrize("overlap", RULES)
def test_what_is_planned_for_later_stands_in_nobodys_way(overlap: Overlap) -> None:
    assert (
        asked(One(51, RunState.QUEUED, due_s=11), One(52, RunState.HELD, due_s=11), overlap=overlap) == Go()
    )


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (RunState.RUNNING, "run #7 was still going"),
        (RunState.LOST, "run #7 is lost, and may still be going"),
        (RunState.QUEUED, "run #7 was still waiting to start"),
    ],
)
@pytest.mark.parametrize(
    ("overlap", "kind"),
    [
        (Overlap.SKIP, Skip),
        (Overlap.QUEUE_ONE, Wait),
        (Overlap.QUEUE_ALL, Wait),
        (Overlap.CANCEL_PREVIOUS, Replace),
    ],
)
def test_one_before_it_is_met_by_the_rule(
    overlap: Overlap, kind: type[Admission], state: RunState, words: str
) -> None:
    assert asked(One(7, state), overlap=overlap) == kind(words)


def test_overlap_that_is_allowed_lets_any_number_go() -> None:
    others = [One(number) for number in range(40)]

    assert asked(*others, overlap=Overlap.ALLOW, at_once=None) == Go()


@pytest.mark.parametrize(("going", "verdict"), [(2, Go()), (3, Wait("run #1 was still going"))])
def test_up_to_a_number_go_at_once_and_the_next_waits(going: int, verdict: Admission) -> None:
    others = [One(number) for number in range(1, going + 1)]

    assert asked(*others, overlap=Overlap.ALLOW, at_once=3) == verdict


def test_who_waits_before_has_the_free_place() -> None:
    others = [One(1), One(2), One(3, RunState.HELD)]

    assert isinstance(asked(*others, overlap=Overlap.ALLOW, at_once=3), Wait)


def test_of_one_that_may_wait_the_next_is_skipped() -> None:
    verdict = asked(One(7), One(8, RunState.HELD, due_s=5), overlap=Overlap.QUEUE_ONE)

    assert verdict == Skip("run #7 was still going, and another waits already")


@pytest.mark.parametrize(("waiting", "kind"), [(MAX_QUEUED - 1, Wait), (MAX_QUEUED, Skip)])
@pytest.mark.parametrize("overlap", [Overlap.QUEUE_ALL, Overlap.ALLOW])
def test_no_more_wait_than_a_hundred(overlap: Overlap, waiting: int, kind: type[Admission]) -> None:
    others = [One(-1), *(One(n - 200, RunState.HELD, due_s=1) for n in range(waiting))]

    verdict = asked(*others, overlap=overlap)

    assert isinstance(verdict, kind)
    if isinstance(verdict, Skip):
        assert verdict.why == "run #-1 was still going, and 100 others wait already"


@pytest.mark.parametrize("overlap", RULES)
def test_a_run_after_the_fact_waits_for_whatever_is_before_it(overlap: Overlap) -> None:
    me = One(50, RunState.HELD, due_s=10, cause=Cause.BACKFILL)

    for state in (RunState.RUNNING, RunState.QUEUED, RunState.HELD):
        assert isinstance(asked(One(7, state, due_s=10), overlap=overlap, me=me), Wait)


@pytest.mark.parametrize("overlap", RULES)
def test_a_run_after_the_fact_waits_for_one_that_overtook_it(overlap: Overlap) -> None:
    me = One(50, RunState.HELD, due_s=10, cause=Cause.BACKFILL)

    assert isinstance(asked(One(60, due_s=20), overlap=overlap, me=me), Wait)


@pytest.mark.parametrize("overlap", RULES)
def test_one_that_waits_for_its_next_attempt_keeps_its_place(overlap: Overlap) -> None:
    verdict = asked(One(60, RunState.QUEUED, due_s=20, attempt=2), overlap=overlap)

    assert not isinstance(verdict, Go)
    assert verdict.why == "run #60 was waiting for its next attempt"


@pytest.mark.parametrize("overlap", RULES)
def test_one_that_waits_for_its_first_attempt_has_none_yet(overlap: Overlap) -> None:
    assert asked(One(60, RunState.QUEUED, due_s=20, attempt=1), overlap=overlap) == Go()


@pytest.mark.parametrize("overlap", RULES)
def test_what_waits_to_run_after_the_fact_stands_in_no_schedules_way(overlap: Overlap) -> None:
    assert asked(One(7, RunState.HELD, cause=Cause.BACKFILL), overlap=overlap) == Go()


others_of = st.lists(
    st.builds(
        One,
        number=st.integers(1, 100),
        state=st.sampled_from([RunState.HELD, RunState.QUEUED, RunState.RUNNING, RunState.LOST]),
        due_s=st.integers(0, 20),
        cause=st.sampled_from([Cause.SCHEDULE, Cause.MANUAL, Cause.BACKFILL]),
        attempt=st.integers(1, 3),
    ),
    max_size=8,
)


@given(others=others_of, overlap=st.sampled_from(Overlap), at_once=st.integers(1, 3), mine=others_of)
def test_nobody_goes_beyond_the_number_at_once(
    others: list[One], overlap: Overlap, at_once: int, mine: list[One]
) -> None:
    for me in mine:
        if isinstance(asked(*others, overlap=overlap, at_once=at_once, me=me), Go):
            going = [
                one
                for one in others
                if one.number != me.number
                and (
                    one.state in (RunState.RUNNING, RunState.LOST)
                    or (one.state is RunState.QUEUED and one.attempt > 1)
                )
            ]
            assert len(going) < at_once
