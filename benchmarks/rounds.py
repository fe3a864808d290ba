"""How a thing is timed: by the processor time it takes, in rounds that take turns.

So other programs on the machine weigh little, and what still disturbs a moment hits both sides.
"""

import gc
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import process_time

Work = Callable[[], int]
"""Does something and returns how often it did it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How often a second, one figure a round."""

    ours: Sequence[float]
    theirs: Sequence[float]

    @property
    def ratios(self) -> tuple[float, float, float]:
        """Return how many times faster ours is: least, median and most over the rounds."""
        ratios = sorted(ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True))
        return ratios[0], statistics.median(ratios), ratios[-1]


def taken_in_turns(ours: Work, theirs: Work, *, rounds: int) -> Rates:
    """Time both sides `rounds` times, one after the other, after one round that does not count."""
    pairs = [(rate(ours), rate(theirs)) for _ in range(rounds + 1)][1:]
    return Rates(ours=[pair[0] for pair in pairs], theirs=[pair[1] for pair in pairs])


def rate(work: Work) -> float:
    """Return how often a second the work is done."""
    gc.collect()
    began = process_time()
    count = work()
    return count / (process_time() - began)


def best_s(act: Callable[[], object], *, repeats: int = 3, before: Callable[[], None] | None = None) -> float:
    """Return the shortest of a few durations in seconds: what the act needs when nothing disturbs it."""
    durations = []
    for _ in range(repeats):
        if before is not None:
            before()
        began = process_time()
        act()
        durations.append(process_time() - began)
    return min(durations)
