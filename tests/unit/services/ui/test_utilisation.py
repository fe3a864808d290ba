"""How long slots were taken in each step, beside a reckoning of every attempt in every step."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from services.ui.queries.executors import newest
from services.ui.queries.utilisation import STEP_MS, STEPS, Spans, busy_ms

EDGES = st.sampled_from([0, 1, STEP_MS - 1, STEP_MS, STEP_MS + 1, 5 * STEP_MS, STEPS * STEP_MS - 1])
INSTANTS = EDGES | st.integers(0, STEPS * STEP_MS - 1)


@given(st.lists(st.tuples(INSTANTS, INSTANTS).map(sorted), max_size=30))
def test_grouped_by_their_steps_attempts_take_as_long_as_one_by_one(attempts: list[list[int]]) -> None:
    counts: Counter[tuple[int, int]] = Counter()
    starts: Counter[tuple[int, int]] = Counter()
    ends: Counter[tuple[int, int]] = Counter()
    for start, end in attempts:
        steps = (start // STEP_MS, end // STEP_MS)
        counts[steps] += 1
        starts[steps] += start
        ends[steps] += end

    found = busy_ms(Spans(*steps, count, starts[steps], ends[steps]) for steps, count in counts.items())

    assert found == [
        sum(max(0, min(end, low + STEP_MS) - max(start, low)) for start, end in attempts)
        for low in range(0, STEPS * STEP_MS, STEP_MS)
    ]


def test_the_tenth_release_is_newer_than_the_ninth() -> None:
    assert newest(["0.9.0", "0.10.0", "0.10.0-rc1", "0.2"]) == "0.10.0-rc1"
