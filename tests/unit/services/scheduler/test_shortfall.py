"""When a queue is known to have lost messages, and when that is only a moment."""

import pytest

from services.scheduler.shortfall import Count, Shortfalls

QUEUE = ("default", False)
SHORT = Count(waiting=3, ready=1, in_hand=1)
FULL = Count(waiting=3, ready=2, in_hand=1)


@pytest.fixture
def shortfalls() -> Shortfalls:
    return Shortfalls()


def test_a_shortfall_counts_once_it_has_lasted(shortfalls: Shortfalls) -> None:
    assert [shortfalls.note(QUEUE, SHORT, now=now) for now in (100.0, 104.9, 105.0)] == [False, False, True]


def test_what_executors_may_have_in_hand_is_not_lost(shortfalls: Shortfalls) -> None:
    assert not any(shortfalls.note(QUEUE, FULL, now=now) for now in (0.0, 10.0, 100.0))


def test_a_queue_that_was_full_in_between_starts_anew(shortfalls: Shortfalls) -> None:
    said = [
        shortfalls.note(QUEUE, count, now=now) for count, now in ((SHORT, 0.0), (FULL, 3.0), (SHORT, 6.0))
    ]

    assert said == [False, False, False]


def test_all_is_said_again_once_a_minute_at_most(shortfalls: Shortfalls) -> None:
    said = [now for now in range(0, 200, 3) if shortfalls.note(QUEUE, SHORT, now=float(now))]

    assert said == [6, 66, 126, 186]


def test_each_queue_is_judged_for_itself(shortfalls: Shortfalls) -> None:
    shortfalls.note(QUEUE, SHORT, now=0.0)

    assert not shortfalls.note(("default", True), SHORT, now=6.0)
    assert shortfalls.note(QUEUE, SHORT, now=6.0)
