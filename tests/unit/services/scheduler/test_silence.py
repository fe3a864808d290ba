"""Observed silence: only looks count, and only while our own question is answered."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.reaper import Holder, Watch, watched
from shared.domain.ids import BootId, ExecutorName, new_id
from tests.support.instants import utc

HOLDER: Holder = (ExecutorName("one"), BootId(new_id()))


def look(
    before: dict[Holder, Watch],
    *,
    beat: int | None,
    elapsed_s: float = 2,
    counts: bool = True,
    claimed_at: datetime | None = None,
) -> dict[Holder, Watch]:
    return watched(before, {HOLDER: (beat, claimed_at)}, elapsed_s=elapsed_s, counts=counts)


def test_a_new_beat_ends_the_silence() -> None:
    watches = look(look({}, beat=1), beat=1)

    assert watches[HOLDER].silent_s == 2
    assert look(watches, beat=2)[HOLDER].silent_s == 0


def test_a_claim_ends_the_silence_too() -> None:
    watches = look(look({}, beat=1), beat=1)

    assert look(watches, beat=1, claimed_at=utc("2026-03-08 07:00"))[HOLDER].silent_s == 0


def test_a_long_pause_of_the_scheduler_counts_as_one_look() -> None:
    watches = look(look({}, beat=1), beat=1, elapsed_s=3_600)

    assert watches[HOLDER].silent_s == 2


def test_while_our_own_question_is_not_answered_nobody_is_silent() -> None:
    watches = look({}, beat=1)

    for _ in range(100):
        watches = look(watches, beat=1, counts=False)

    assert watches[HOLDER].silent_s == 0


def test_a_boot_that_never_beat_falls_silent_too() -> None:
    watches = look(look({}, beat=None), beat=None)

    assert watches[HOLDER].silent_s == 2


def test_who_is_not_to_be_watched_is_forgotten() -> None:
    assert watched(look({}, beat=1), {}, elapsed_s=2, counts=True) == {}


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 100), st.booleans()), max_size=40))
def test_silence_is_never_more_than_what_passed_since_the_newest_beat(
    looks: list[tuple[int, float, bool]],
) -> None:
    watches: dict[Holder, Watch] = {}
    since, last = 0.0, None

    for beat, elapsed_s, counts in looks:
        watches = look(watches, beat=beat, elapsed_s=elapsed_s, counts=counts)
        since = 0.0 if beat != last else since + elapsed_s
        last = beat
        assert watches[HOLDER].silent_s <= since
