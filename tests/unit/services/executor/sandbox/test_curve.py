from hypothesis import given
from hypothesis import strategies as st

from services.executor.sandbox.curve import MOST_POINTS, Curve

LOOKS = st.lists(
    st.tuples(
        st.floats(0.25, 900), st.none() | st.integers(0, 10**12), st.floats(0, 50)
    ),
    min_size=1,
    max_size=400,
)  # fmt: skip


@given(LOOKS)
def test_however_long_it_takes_the_points_are_few_and_nothing_is_lost(
    looks: list[tuple[float, int | None, float]],
) -> None:
    curve, at_s, cpu_s = Curve(0.25), 0.0, 0.0
    for gap_s, memory, used_s in looks:
        at_s, cpu_s = at_s + gap_s, cpu_s + used_s
        curve.add(at_s, memory, cpu_s)

    step_ms, memory_kb, cpu_ms = curve.points()

    assert len(memory_kb) == len(cpu_ms) <= MOST_POINTS
    assert (len(memory_kb) - 1) * step_ms <= at_s * 1000 < (len(memory_kb) + 2) * step_ms
    assert max(memory_kb) == max(round((memory or 0) / 1000) for _, memory, _ in looks)
    assert abs(sum(cpu_ms) - cpu_s * 1000) <= MOST_POINTS


def test_each_step_has_its_own_peak_and_its_own_time() -> None:
    curve = Curve(0.25)
    for number, (memory, cpu_s) in enumerate([(5_000, 0.1), (9_000, 0.1), (None, 0.3), (2_000, 0.2)], 1):
        curve.add(number * 0.251, memory, cpu_s)

    assert curve.points() == (250, [5, 9, 9, 2], [100, 0, 200, 0])
    curve.add(60 * 0.251, 7_000, 0.4)
    curve.add(61 * 0.251, 1_000, 0.4)

    assert curve.points() == (500, [9, 9, *[2] * 27, 7], [100, 200, *[0] * 27, 100])
