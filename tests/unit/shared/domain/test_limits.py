"""Shared limits: who has a place, who waits, and that nobody overtakes."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidInput
from shared.domain.ids import AttemptId
from shared.domain.limits import (
    MOST,
    Places,
    Turn,
    checked_limit_key,
    checked_maximum,
    in_words,
)

NINE = datetime(2026, 3, 4, 9, tzinfo=UTC)


def turn(number: int, *, urgent: bool = False, due_s: int = 0) -> Turn:
    return Turn.of(urgent=urgent, due_at=NINE + timedelta(seconds=due_s), id_=AttemptId(UUID(int=number)))


def places(maximum: int, in_use: int, *line: Turn) -> Places:
    return Places(key="db", maximum=maximum, in_use=in_use, line=line)


def test_a_free_place_is_for_whoever_comes_while_nobody_waits() -> None:
    assert places(1, 0).refusal(turn(1)) is None
    assert places(2, 1).refusal(turn(1)) is None


@pytest.mark.parametrize("in_use", [2, 3])
def test_no_place_is_given_that_is_not_there(in_use: int) -> None:
    said = f"shared limit db is full: {in_use} of 2 in use"

    assert places(2, in_use).refusal(turn(1)) == said


def test_nobody_overtakes_who_waits_longer() -> None:
    waiting = places(2, 1, turn(1, due_s=5))

    assert waiting.refusal(turn(2, due_s=6)) == "others wait longer for shared limit db"
    assert waiting.refusal(turn(2, due_s=4)) is None
    assert waiting.refusal(turn(1, due_s=5)) is None
    assert places(3, 1, turn(1, due_s=5)).refusal(turn(2, due_s=6)) is None


def test_what_is_urgent_goes_before_what_was_due_earlier() -> None:
    waiting = places(1, 0, turn(1, urgent=True, due_s=9))

    assert waiting.refusal(turn(2, due_s=1)) is not None
    assert places(1, 0, turn(2, due_s=1)).refusal(turn(1, urgent=True, due_s=9)) is None


def test_of_those_due_together_the_earlier_made_goes_first() -> None:
    assert places(1, 0, turn(1)).refusal(turn(2)) is not None
    assert places(1, 0, turn(2)).refusal(turn(1)) is None


TURNS = st.builds(turn, st.integers(1, 40), urgent=st.booleans(), due_s=st.integers(0, 3))


@given(
    maximum=st.integers(1, 5),
    in_use=st.integers(0, 6),
    waiting=st.lists(TURNS, unique_by=lambda one: one.id, max_size=8),
    asking=st.lists(TURNS, unique_by=lambda one: one.id, max_size=12),
)
def test_however_they_come_no_more_are_let_in_than_places_are_free(
    maximum: int, in_use: int, waiting: list[Turn], asking: list[Turn]
) -> None:
    stand = places(maximum, in_use, *sorted(waiting))
    granted = []

    for one in asking:
        if stand.refusal(one) is None:
            stand = stand.taken_by(one)
            granted.append(one)

    assert len(granted) == stand.in_use - in_use <= max(0, maximum - in_use)
    left = [one for one in stand.line if one not in granted]
    # For each of the first that still wait there is a place, or was taken by one with an earlier turn.
    assert all(stand.refusal(one) is None for one in left[: stand.free])


def test_a_key_is_checked_and_nothing_is_no_key() -> None:
    assert checked_limit_key(" warehouse-db ") == "warehouse-db"
    assert checked_limit_key("") is checked_limit_key(None) is None
    for wrong in ("Warehouse", "-db", "a" * 41, "a b", "a/b"):
        with pytest.raises(InvalidInput) as caught:
            checked_limit_key(wrong)
        assert caught.value.field == "limit_key"


@pytest.mark.parametrize("wrong", [0, -1, MOST + 1])
def test_a_maximum_is_at_least_one(wrong: int) -> None:
    assert checked_maximum(1) == 1
    assert checked_maximum(MOST) == MOST
    with pytest.raises(InvalidInput) as caught:
        checked_maximum(wrong)
    assert caught.value.field == "maximum"


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "#1"), (2, "#1 and #2"), (3, "#1, #2 and #3"), (4, "#1, #2, #3 and 1 more")],
)
def test_of_many_the_first_three_are_named(count: int, said: str) -> None:
    assert in_words(f"#{number}" for number in range(1, count + 1)) == said
