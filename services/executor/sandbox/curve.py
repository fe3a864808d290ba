"""What a run used over time, in few points however long it takes. Pure."""

MOST_POINTS = 60


class Curve:
    """Memory and processor time of each step from the start on; full, its steps become twice as long."""

    def __init__(self, step_s: float) -> None:
        self.step_s = step_s
        """How long each is by now."""
        self._memory: list[int] = []
        self._cpu_s: list[float] = []
        self._cpu_so_far_s = 0.0

    def add(self, at_s: float, memory_bytes: int | None, cpu_so_far_s: float) -> None:
        """Take what was found so long after the start; None: the memory is not known just now."""
        # A look at the end of a step tells of that step.
        index = max(0, int(at_s / self.step_s) - 1)
        while index >= MOST_POINTS:
            self._double()
            index = max(0, int(at_s / self.step_s) - 1)
        last = self._memory[-1] if self._memory else 0
        missing = index + 1 - len(self._memory)
        if missing > 0:
            self._memory += [last] * (missing - 1) + [last if memory_bytes is None else memory_bytes]
            self._cpu_s += [0.0] * missing
        else:
            self._memory[index] = max(self._memory[index], memory_bytes or 0)
        self._cpu_s[index] += max(0.0, cpu_so_far_s - self._cpu_so_far_s)
        self._cpu_so_far_s = max(self._cpu_so_far_s, cpu_so_far_s)

    def points(self) -> tuple[int, list[int], list[int]]:
        """Return the length of a step in ms, and of each the most memory in KB and the CPU time in ms."""
        memory = [round(one / 1000) for one in self._memory]
        return round(self.step_s * 1000), memory, [round(one * 1000) for one in self._cpu_s]

    def _double(self) -> None:
        self.step_s *= 2
        self._memory = [max(self._memory[at : at + 2]) for at in range(0, len(self._memory), 2)]
        self._cpu_s = [sum(self._cpu_s[at : at + 2]) for at in range(0, len(self._cpu_s), 2)]
