"""What /proc says of processes that come and go, of more of them than files are kept open."""

import os
import subprocess
from contextlib import ExitStack

from services.executor.sandbox.fence import Fence
from services.executor.sandbox.meter import Meter
from services.executor.sandbox.proc import Family

SLEEPS = ("/bin/sleep", "60")


def test_who_came_is_counted_and_who_went_is_not() -> None:
    with ExitStack() as stack:
        family = Family(os.getpid())
        others = family.look().pids
        children = [stack.enter_context(subprocess.Popen(SLEEPS)) for _ in range(40)]
        pids = {one.pid for one in children}

        first, second = family.look(besides=others), family.look(besides=others)
        for one in children:
            one.kill()
            one.wait()
        after = family.look(besides=others)

    assert set(first.pids) == set(second.pids) == pids
    assert first.tasks == len(children)
    assert 0 < second.memory_bytes < 40 * 4_000_000
    assert after.pids == ()


def test_a_run_without_bounds_is_looked_at_less_often_the_longer_it_takes() -> None:
    setup = {"level": "process", "readable": [], "writable": [], "environments": "", "states": ""}
    fence = Fence(setup, first_user=None)
    free, bound = (
        Meter({"resources": bounds, "user": None, "kept": None, "cgroup": None}, fence)
        for bounds in ({"nice": 5}, {"cpu_s": 9_000})
    )

    gaps = []
    for at_s in (1, 20, 40, 70, 1_000):
        free.curve.add(at_s, 0, 0)
        bound.curve.add(at_s, 0, 0)
        gaps.append((free.every_s, bound.every_s))

    # Always at least two looks in a step of its curve.
    assert gaps == [(0.25, 0.25), (0.25, 0.25), (0.5, 0.25), (1.0, 0.25), (1.0, 0.25)]
