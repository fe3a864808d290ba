"""Looks at every state that the model can reach, the nearest first."""

from collections import deque
from dataclasses import dataclass

from tests.protocol.model import START, Rules, State, broken, steps


@dataclass(frozen=True, slots=True)
class Found:
    """How many states were seen, and the shortest way to one that breaks a guarantee."""

    states: int
    fault: str | None = None
    way: tuple[str, ...] = ()


def searched(rules: Rules, *, limit: int = 10_000_000) -> Found:
    """Search breadth-first until a state breaks a guarantee or there is none left."""
    came_from: dict[State, tuple[State, str] | None] = {START: None}
    todo = deque([START])
    while todo:
        state = todo.popleft()
        for label, after in steps(state, rules):
            if after in came_from:
                continue
            came_from[after] = (state, label)
            if (fault := broken(after)) is not None:
                return Found(len(came_from), fault, _way(came_from, after))
            todo.append(after)
        if len(came_from) > limit:
            raise AssertionError(f"more than {limit:,} states: the model is not small any more")
    return Found(len(came_from))


def _way(came_from: dict[State, tuple[State, str] | None], last: State) -> tuple[str, ...]:
    labels = []
    step = came_from[last]
    while step is not None:
        labels.append(step[1])
        step = came_from[step[0]]
    return tuple(reversed(labels))
