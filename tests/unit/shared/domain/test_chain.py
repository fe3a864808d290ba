"""Which ends count, when a job that runs after others starts, and which circles are refused."""

from datetime import timedelta
from uuid import UUID

import pytest

from shared.domain.chain import (
    MAX_UPSTREAMS,
    Arrival,
    ChainOn,
    Join,
    RunsAfter,
    Starts,
    Upstream,
    check_runs_after,
    circle,
    counts,
    refuse_circle,
    starts_of,
)
from shared.domain.errors import InvalidInput
from shared.domain.ids import ArrivalId, EdgeId, JobId
from shared.domain.run import RunState
from tests.support.instants import EPOCH

A, B, C, D = (JobId(UUID(int=number)) for number in range(1, 5))
X, Y, GONE = (EdgeId(UUID(int=number)) for number in range(1, 4))


def arrival(edge: EdgeId, number: int, *, minute: int | None = None) -> Arrival:
    at = EPOCH + timedelta(minutes=number if minute is None else minute)
    return Arrival(id=ArrivalId(UUID(int=number)), edge_id=edge, at=at)


COUNTING = {
    ChainOn.SUCCESS: {RunState.SUCCEEDED},
    ChainOn.FAILURE: {RunState.FAILED, RunState.TIMED_OUT, RunState.LOST},
    ChainOn.ALWAYS: {
        RunState.SUCCEEDED,
        RunState.FAILED,
        RunState.TIMED_OUT,
        RunState.LOST,
        RunState.CANCELLED,
    },
}


@pytest.mark.parametrize("on", ChainOn)
def test_an_edge_counts_the_ends_of_its_column_and_no_others(on: ChainOn) -> None:
    assert {state for state in RunState if counts(on, state)} == COUNTING[on]


def test_with_any_each_arrival_starts_a_run_in_their_order() -> None:
    first, second, third = arrival(X, 1), arrival(Y, 2), arrival(X, 3)

    assert starts_of(Join.ANY, {X, Y}, [third, first, second]) == Starts(((first,), (second,), (third,)))


def test_with_all_nothing_starts_before_each_edge_has_an_arrival() -> None:
    assert starts_of(Join.ALL, {X, Y}, [arrival(X, 1)]) == Starts()
    assert starts_of(Join.ALL, {X}, []) == Starts()


def test_with_all_the_newest_arrival_of_each_edge_counts_and_the_older_are_spare() -> None:
    old, new, other = arrival(X, 1), arrival(X, 2), arrival(Y, 3)

    assert starts_of(Join.ALL, {X, Y}, [old, new]) == Starts((), (old,))
    assert starts_of(Join.ALL, {X, Y}, [old, other, new]) == Starts(((new, other),), (old,))


def test_of_two_arrivals_at_one_instant_the_later_id_is_the_newest() -> None:
    first, second = arrival(X, 1, minute=0), arrival(X, 2, minute=0)

    assert starts_of(Join.ALL, {X}, [second, first]) == Starts(((second,),), (first,))


@pytest.mark.parametrize("join", Join)
def test_what_arrived_by_an_edge_that_was_taken_out_starts_nothing(join: Join) -> None:
    late = arrival(GONE, 1)

    assert starts_of(join, {X}, [late]) == Starts((), (late,))
    assert starts_of(join, (), [late]) == Starts((), (late,))


def test_no_circle_where_jobs_meet_again() -> None:
    diamond = {B: [A], C: [A]}

    assert circle(D, {B, C}, diamond) == ()


def test_a_circle_is_told_in_the_order_in_which_its_jobs_would_start() -> None:
    assert circle(A, {C}, {B: [A], C: [B]}) == (A, B, C, A)
    assert circle(A, {A}, {}) == (A, A)


def test_of_several_circles_the_shortest_is_told() -> None:
    assert circle(A, {B, D}, {B: [C], C: [A], D: [A]}) == (A, D, A)


def test_a_circle_that_is_there_already_elsewhere_does_not_hang_the_search() -> None:
    assert circle(A, {B}, {B: [C], C: [B]}) == ()


def test_a_circle_is_refused_by_its_names_and_with_what_to_do() -> None:
    refuse_circle((), {}, instead="Never said.")

    with pytest.raises(InvalidInput) as caught:
        refuse_circle((A, B, A), {A: "a", B: "b"}, instead="Do this.")

    assert caught.value.field == "runs_after"
    assert caught.value.message == "These jobs would start each other for ever: a → b → a. Do this."


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ([B, B], "A job is named twice. Remove one of the two."),
        ([A], "A job cannot run after itself. Give it a schedule, or another job."),
        (
            [UUID(int=9 + number) for number in range(MAX_UPSTREAMS + 1)],
            "A job runs after at most 20 others. Chain some of those.",
        ),
    ],
)
def test_what_no_job_can_run_after_is_refused(ids: list[UUID], said: str) -> None:
    value = RunsAfter(Join.ALL, tuple(Upstream(JobId(one)) for one in ids))

    with pytest.raises(InvalidInput) as caught:
        check_runs_after(A, value)

    assert (caught.value.field, caught.value.message) == ("runs_after", said)


def test_the_words_that_are_stored_stay_as_they_are() -> None:
    assert [str(on) for on in ChainOn] == ["success", "failure", "always"]
    assert [str(join) for join in Join] == ["all", "any"]


def test_as_many_jobs_as_fit_are_not_refused() -> None:
    check_runs_after(
        None, RunsAfter(Join.ANY, tuple(Upstream(JobId(UUID(int=one))) for one in range(MAX_UPSTREAMS)))
    )
