"""Runs in cgroups of their own, at every level that holds here: needs a delegated one: deploy/vm.sh."""

import asyncio
import contextlib
import math
import os
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.executor.recovery import _pids_of
from services.executor.sandbox.command import NOTHING
from services.executor.sandbox.fence import Level
from services.executor.sandbox.level import Ground, Sandbox, choose
from services.executor.sandbox.process import Ended, Process
from services.executor.verdict import verdict
from shared.domain.ids import AttemptId, new_id
from shared.domain.resources import resources_of
from shared.domain.run import Reason, RunState
from tests.integration.executor.confined import is_dead
from tests.integration.executor.fenced import a_ground
from tests.integration.executor.test_resources import FORKS
from tests.support.eventually import until
from tests.support.levels import cannot_delegate, cannot_hold
from tests.unit.services.executor.grants import a_grant

MB = 1_000_000
# Three processes, none of which has more than it may: together they do, before anybody could have looked.
HOGS = """
import os, time
for _ in range(2):
    if os.fork() == 0:
        break
held = bytearray(40_000_000)
held[::4096] = b"x" * len(held[::4096])
time.sleep(20)
"""
# 60 MB for a moment, a file of 150 MB that the system caches, and a child that nobody waits for.
BUSY = """
import os, signal, time
held = b"x" * 60_000_000
del held
with open("large", "wb") as large:
    for _ in range(150):
        large.write(b"x" * 1_000_000)
os.remove("large")
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
said, says = os.pipe()
if os.fork() == 0:
    while time.process_time() < 1:
        pass
    os.write(says, b"%f" % time.process_time())
    os._exit(0)
print(float(os.read(said, 32)) + time.process_time())
"""
GREEDY = "held = bytearray(200_000_000)\nheld[::4096] = b'x' * len(held[::4096])\n"
KILLED = "import os, time\nif os.fork() == 0:\n    time.sleep(60)\nos.kill(os.getpid(), 9)\n"
LEAVES_A_DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    time.sleep(60)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    if why := cannot_delegate():
        pytest.skip(why)
    with a_ground() as made:
        yield made


@pytest.fixture(params=Level)
async def sandbox(request: pytest.FixtureRequest, ground: Ground) -> AsyncIterator[Sandbox]:
    if why := cannot_hold(request.param):
        pytest.skip(why)
    made = await a_sandbox(request.param, ground)
    yield made
    made.close()
    assert found("test-*") == []


async def a_sandbox(level: str, ground: Ground) -> Sandbox:
    made = await choose(level, replace(ground, cgroup=f"test-{level}"))
    assert (made.problem, made.lacks_cgroups, made.features[-1:]) == ("", "", ("cgroup",))
    return made


def found(name: str) -> list[Path]:
    """Return the cgroups of this name."""
    return [one for one in Path("/sys/fs/cgroup").glob(f"**/{name}") if one.is_dir()]


def left(sandbox: Sandbox) -> list[Path]:
    """Return the cgroups of its runs that there are."""
    return found(f"test-{sandbox.level}/*")


def pids_in(folder: Path) -> list[int]:
    return [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]


def start(sandbox: Sandbox, code: str, printed: bytearray, **bounds: int) -> Process:
    name = f"{new_id()}.py"
    (sandbox._ground.scripts_dir / name).write_text(code)
    grant = a_grant(attempt_id=AttemptId(new_id()), script=name, resources=bounds, timeout_s=60)
    order = sandbox.prepare(grant, NOTHING, lease_until=math.inf, spawn_until=math.inf)
    return sandbox.start(order, lambda _, piece: printed.extend(piece) or False)


async def ended(sandbox: Sandbox, code: str, **bounds: int) -> tuple[Ended, str]:
    printed = bytearray()
    process = start(sandbox, code, printed, **bounds)
    async with asyncio.timeout(90):
        end = await process.ended
        await process.gone
    return end, printed.decode().strip()


async def test_processes_that_take_too_much_memory_together_are_ended_by_the_kernel(
    sandbox: Sandbox,
) -> None:
    end, _ = await ended(sandbox, HOGS, memory_bytes=64 * MB)

    state, reason, words = verdict(
        end, asked=None, timeout_s=60, resources=resources_of({"memory_bytes": 64 * MB})
    )
    assert (state, reason, end.signal) == (RunState.FAILED, Reason.MEMORY_LIMIT, signal.SIGKILL)
    if sandbox.level != Level.ISOLATED:  # where its files are in memory the watch is stricter
        assert words == "Used more than its 64 MB of memory."
        assert 60 * MB < (end.peak_memory_bytes or 0) <= 64 * MB


async def test_a_run_starts_as_many_processes_as_it_may_at_every_level(sandbox: Sandbox) -> None:
    end, said = await ended(sandbox, FORKS, processes=20)

    assert (end.exit_code, said) == (7, "20 Resource temporarily unavailable")


async def test_what_was_used_is_counted_without_what_is_kept_of_files(sandbox: Sandbox) -> None:
    end, said = await ended(sandbox, BUSY)

    assert (end.stopped_by, end.exit_code) == (None, 0), said
    assert 60 * MB < (end.peak_memory_bytes or 0) < 120 * MB
    assert float(said) * 0.95 < (end.cpu_s or 0)


async def test_a_signal_is_told_as_one_and_nothing_is_left(sandbox: Sandbox) -> None:
    end, _ = await ended(sandbox, KILLED, memory_bytes=64 * MB)

    assert (end.stopped_by, end.signal) == (None, signal.SIGKILL)
    await until(lambda: left(sandbox) == [])


async def test_a_run_for_which_the_machine_has_no_memory_is_told_so(sandbox: Sandbox) -> None:
    (runs,) = found(f"test-{sandbox.level}")
    (runs / "memory.max").write_text(str(80 * MB))

    end, _ = await ended(sandbox, GREEDY)

    state, reason, words = verdict(end, asked=None, timeout_s=60)
    assert (state, reason, end.signal) == (RunState.FAILED, None, signal.SIGKILL)
    assert "no memory left for this executor's runs" in words


async def test_a_new_start_ends_and_removes_what_killed_processes_left(
    sandbox: Sandbox, ground: Ground
) -> None:
    printed = bytearray()
    process = start(sandbox, LEAVES_A_DAEMON, printed)
    await until(lambda: b"ready" in printed)
    (run,) = left(sandbox)
    pids = pids_in(run)
    assert len(pids) == 2
    assert sandbox._spawner is not None
    for pid in (sandbox._spawner.popen.pid, *set(_pids_of(ground.marker))):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # the spawner first: it would tidy up
    await process.gone

    again = await a_sandbox(sandbox.level, ground)
    await until(lambda: left(again) == [])
    again.close()
    assert all(map(is_dead, pids))
