"""The clock of another machine, carried on by our own: what a look at it changes."""

from datetime import timedelta

from shared.runtime.clock import DistantClock
from tests.support.manual_clock import EPOCH, ManualClock


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def looked(clock: DistantClock, local: ManualClock, off_s: float, *, took_s: float = 0) -> None:
    """Look at a clock that is so much ahead of our wall clock in the middle of the look."""
    asked_at = local.monotonic()
    local.advance(took_s)
    theirs = local.now() + seconds(off_s - took_s / 2)
    clock.look(theirs, asked_at=asked_at, answered_at=local.monotonic())


def test_it_is_not_to_be_relied_on_before_the_first_look() -> None:
    local = ManualClock()
    clock = DistantClock(local)

    assert not clock.steady
    assert clock.now() == EPOCH


def test_it_goes_by_the_first_look_however_far_away_that_is() -> None:
    local = ManualClock()
    clock = DistantClock(local)

    looked(clock, local, 3_600)
    local.advance(10)

    assert clock.steady
    assert clock.now() == EPOCH + seconds(3_610)


def test_a_wall_clock_of_ours_that_is_set_changes_nothing() -> None:
    local = ManualClock()
    clock = DistantClock(local)
    looked(clock, local, 0)

    local.step_wall(-3_600)

    assert clock.now() == EPOCH


def test_what_the_delay_of_the_answer_explains_is_no_difference() -> None:
    local = ManualClock()
    clock = DistantClock(local)
    looked(clock, local, 0)

    looked(clock, local, 0.04, took_s=0.1)

    assert clock.now() == EPOCH + seconds(0.1)


def test_a_small_difference_that_is_certain_is_followed() -> None:
    local = ManualClock()
    clock = DistantClock(local)
    looked(clock, local, 0)

    looked(clock, local, 0.06, took_s=0.1)

    assert clock.steady
    assert clock.now() == EPOCH + seconds(0.16)


def test_a_jump_is_believed_when_two_looks_agree_on_it() -> None:
    local = ManualClock()
    clock = DistantClock(local)
    looked(clock, local, 0)

    looked(clock, local, 90)
    assert (clock.steady, clock.now()) == (False, EPOCH)

    looked(clock, local, 90.5)
    assert (clock.steady, clock.now()) == (True, EPOCH + seconds(90.5))


def test_looks_that_do_not_agree_with_each_other_are_not_believed() -> None:
    local = ManualClock()
    clock = DistantClock(local)
    looked(clock, local, 0)

    for off_s in (90, -90, 30):
        looked(clock, local, off_s)
        assert (clock.steady, clock.now()) == (False, EPOCH)


def test_a_jump_that_was_a_slip_of_one_look_is_forgotten() -> None:
    local = ManualClock()
    clock = DistantClock(local)
    looked(clock, local, 0)
    looked(clock, local, 90)

    looked(clock, local, 0)

    assert (clock.steady, clock.now()) == (True, EPOCH)
    looked(clock, local, 90)
    assert (clock.steady, clock.now()) == (False, EPOCH)
