"""The state table, pair by pair."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.run import FINAL, TRANSITIONS, RunState, may_move, sources_of

H, Q, R = RunState.HELD, RunState.QUEUED, RunState.RUNNING
OK, F, T, C, L = (
    RunState.SUCCEEDED,
    RunState.FAILED,
    RunState.TIMED_OUT,
    RunState.CANCELLED,
    RunState.LOST,
)
S, M = RunState.SKIPPED, RunState.MISSED

# Written out a second time on purpose: a changed table must be changed in two places.
ALLOWED = {
    *((H, to) for to in (Q, S, M, C)),
    *((Q, to) for to in (R, H, S, M, C)),
    *((R, to) for to in (OK, F, T, C, L, Q)),
    *((L, to) for to in (OK, F, T, C, R, Q)),
}


@pytest.mark.parametrize(("current", "to"), list(product(RunState, RunState)))
def test_every_pair_of_states_is_decided(current: RunState, to: RunState) -> None:
    assert may_move(current, to) == ((current, to) in ALLOWED)


def test_every_state_has_a_line_in_the_table() -> None:
    assert set(TRANSITIONS) == set(RunState)


def test_nothing_leaves_a_final_state_but_lost() -> None:
    assert {state for state in FINAL if TRANSITIONS[state]} == {L}


def test_every_state_that_is_not_final_can_end() -> None:
    for state in set(RunState) - FINAL:
        assert TRANSITIONS[state] & FINAL


@given(to=st.sampled_from(RunState), current=st.sampled_from(RunState))
def test_the_guard_of_an_update_names_exactly_the_sources(to: RunState, current: RunState) -> None:
    assert (current in sources_of(to)) == may_move(current, to)


@given(st.lists(st.sampled_from(RunState), max_size=30))
def test_an_end_that_is_not_lost_is_never_overwritten(wishes: list[RunState]) -> None:
    state, ended_as = H, None

    for wish in wishes:
        state = wish if may_move(state, wish) else state
        ended_as = ended_as or (state if state in FINAL - {L} else None)

    assert ended_as is None or state is ended_as
