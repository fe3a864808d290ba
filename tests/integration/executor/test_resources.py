"""What a run may use: each bound at every level that holds here, by scripts that want more."""

import asyncio
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.executor.sandbox.command import NOTHING
from services.executor.sandbox.fence import Fence, Level
from services.executor.sandbox.level import Ground, Sandbox, choose
from services.executor.sandbox.meter import Meter
from services.executor.sandbox.told import Ended, StoppedBy
from services.executor.verdict import verdict
from shared.domain.ids import AttemptId, new_id
from shared.domain.resources import resources_of
from shared.domain.run import Reason, RunState
from tests.integration.executor.conftest import Start
from tests.integration.executor.stage import Ledger
from tests.unit.services.executor.grants import a_grant

MB = 1_000_000
HOG = """
import time
held = []
for _ in range(100):
    held.append(b"x" * 4_000_000)
    time.sleep(0.02)
"""
# Five children that only look at what they share: 100 MB in all, and not 600.
SHARES = """
import os, time
held = b"x" * 100_000_000
children = [os.fork() for _ in range(5)] if os.getpid() else []
if 0 in children:
    time.sleep(1.2)
    os._exit(0)
for _ in children:
    os.wait()
"""
# The same, and each writes to its own: that is what a copy costs.
COPIES = """
import os, time
held = bytearray(40_000_000)
held[::4096] = b"x" * len(held[::4096])
for _ in range(5):
    if os.fork() == 0:
        held[::4096] = b"y" * len(held[::4096])
        break
time.sleep(20)
"""
DAEMON = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork(): os._exit(0)\n"
FORKS = """
import os, time
started = 1
try:
    while started < 40:
        if os.fork() == 0:
            time.sleep(20)
        started += 1
except OSError as error:
    print(started, error.strerror, flush=True)
    os._exit(7)
time.sleep(20)
"""
FILLS = """
import time
for number in range(100):
    open(str(number), "wb").write(b"x" * 1_000_000)
    time.sleep(0.02)
"""
ONE_FILE = """
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
open("large", "wb").write(b"x" * 4_000_000)
"""
# Three children with 30 MB each, and half a second of work.
FAMILY = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        held = bytearray(30_000_000)
        held[::4096] = b"x" * len(held[::4096])
        time.sleep(1.5)
        os._exit(0)
while time.process_time() < 0.4:
    pass
for _ in range(3):
    os.wait()
"""
BURNS = "import os\nos.fork()\nwhile True: pass\n"
TELLS = """
import os, resource
print(resource.getrlimit(resource.RLIMIT_NOFILE), os.nice(0))
"""


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[dict[str, Sandbox]]:
    """A sandbox of each level that can be had here."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))  # pytest's own is closed to users of runs
    folder.chmod(0o755)
    (folder / "scripts").mkdir(mode=0o755)
    made = {}
    for level in Level:
        home = folder / level
        home.mkdir(mode=0o700)
        ground = Ground(
            scripts_dir=folder / "scripts",
            python=Path("/usr/bin/python3"),
            home=home,
            marker=home / "keeper",
            work_root=home / "work",
            users_root=folder / "jobs",
        )
        sandbox = asyncio.run(choose(str(level), ground))
        if not sandbox.problem:
            made[str(level)] = sandbox
    yield made
    for sandbox in made.values():
        sandbox.close()
    shutil.rmtree(folder)


async def ended(sandbox: Sandbox, code: str, bounds: dict[str, int]) -> tuple[object, ...]:
    """Return how a script ended: state and reason, or exit code and what it printed."""
    name = f"{new_id()}.py"
    (sandbox._ground.scripts_dir / name).write_text(code)
    printed = bytearray()
    grant = a_grant(attempt_id=AttemptId(new_id()), script=name, resources=bounds, timeout_s=30)
    order = sandbox.prepare(grant, NOTHING, lease_until=math.inf, spawn_until=math.inf)
    process = sandbox.start(order, lambda _, piece: printed.extend(piece) or False)
    async with asyncio.timeout(40):
        end = await process.ended
        await process.gone
    state, reason, words = verdict(end, asked=None, timeout_s=30, resources=resources_of(bounds))
    assert state is not RunState.TIMED_OUT
    return (reason, words) if reason else (end.exit_code, printed.decode().strip())


@pytest.mark.parametrize(
    ("code", "bounds", "reason", "words"),
    [
        pytest.param(HOG, {"memory_bytes": 64 * MB}, Reason.MEMORY_LIMIT, "64 MB of memory: ", id="hog"),
        pytest.param(
            DAEMON + HOG, {"memory_bytes": 64 * MB}, Reason.MEMORY_LIMIT, "64 MB of memory: ", id="daemon"
        ),
        pytest.param(
            COPIES, {"memory_bytes": 150 * MB}, Reason.MEMORY_LIMIT, "150 MB of memory: ", id="copies"
        ),
        pytest.param(BURNS, {"cpu_s": 1}, Reason.CPU_LIMIT, "1 s of processor time: 1.", id="burns"),
        pytest.param(ONE_FILE, {"disk_bytes": MB}, Reason.DISK_LIMIT, "1 MB of disk.", id="one-file"),
    ],
)
async def test_a_run_that_uses_more_than_it_may_is_stopped_and_told_by_its_name(
    sandboxes: dict[str, Sandbox], code: str, bounds: dict[str, int], reason: Reason, words: str
) -> None:
    ends = await asyncio.gather(*(ended(one, code, bounds) for one in sandboxes.values()))

    for found, said in ends:
        assert found is reason
        assert f"Used more than its {words}" in str(said)


async def test_what_processes_share_is_counted_once(sandboxes: dict[str, Sandbox]) -> None:
    ends = await asyncio.gather(
        *(ended(one, SHARES, {"memory_bytes": 250 * MB}) for one in sandboxes.values())
    )

    assert ends == [(0, "")] * len(sandboxes)


async def test_a_run_starts_as_many_processes_as_it_may(sandboxes: dict[str, Sandbox]) -> None:
    ends = await asyncio.gather(*(ended(one, FORKS, {"processes": 20}) for one in sandboxes.values()))

    for level, end in zip(sandboxes, ends, strict=True):
        if level == "process":  # nothing tells its processes from others of its user
            assert end == (
                Reason.PROCESS_LIMIT,
                "Used more than its 20 processes and threads: 40 when it was stopped.",
            )
        else:
            assert end == (7, "20 Resource temporarily unavailable")


async def test_a_run_fills_no_more_of_the_disk_than_it_may(sandboxes: dict[str, Sandbox]) -> None:
    ends = await asyncio.gather(*(ended(one, FILLS, {"disk_bytes": 8 * MB}) for one in sandboxes.values()))

    for level, (found, said) in zip(sandboxes, ends, strict=True):
        if level == "isolated":  # its root has that size
            assert "No space left on device" in str(said)
        else:
            assert (found, "8 MB of disk: " in str(said)) == (Reason.DISK_LIMIT, True)


def test_files_that_take_too_long_to_count_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.executor.sandbox.meter.LONGEST_DISK_S", 0.0)
    setup = {"level": "process", "readable": [], "writable": [], "environments": "", "states": ""}
    bounds = {"disk_bytes": MB}
    order = {"cwd": os.fsencode(tmp_path), "user": None, "makes": b"", "kept": None, "cgroup": None}
    meter = Meter({**order, "resources": bounds}, Fence(setup, first_user=None))

    while not meter.beat(0.0):
        pass  # it was quick for once

    end = Ended(stopped_by=StoppedBy(meter.over), used=meter.used)
    _, reason, words = verdict(end, asked=None, timeout_s=1, resources=resources_of(bounds))
    assert (reason, words) == (
        Reason.DISK_LIMIT,
        "Left so many files that its 1 MB of disk could not be counted in time: stopped.",
    )


async def test_open_files_and_nice_are_its_own(sandboxes: dict[str, Sandbox]) -> None:
    bounds = {"open_files": 64, "nice": 19}
    ends = await asyncio.gather(*(ended(one, TELLS, bounds) for one in sandboxes.values()))

    assert ends == [(0, "(64, 64) 19")] * len(sandboxes)


async def test_an_executor_reports_what_a_run_used_and_that_it_was_too_much(
    executor: Start, played: Ledger, home: Path
) -> None:
    (home / "scripts" / "hog.py").write_text(HOG)
    (home / "scripts" / "family.py").write_text(FAMILY)
    await executor()

    hog, family = await asyncio.gather(
        played.due("hog.py", resources={"memory_bytes": 64 * MB}),
        played.due("family.py", resources={"memory_bytes": 400 * MB}),
    )
    stopped, ran = await asyncio.gather(played.ended(hog), played.ended(family))

    assert (stopped.state, stopped.reason, stopped.signal) == (RunState.FAILED, Reason.MEMORY_LIMIT, 9)
    assert stopped.detail.startswith("Used more than its 64 MB of memory: ")
    assert stopped.peak_memory_bytes is not None
    assert 64 * MB < stopped.peak_memory_bytes < 400 * MB
    # Of all its processes together, though none had more than half of it.
    assert ran.state is RunState.SUCCEEDED
    assert ran.peak_memory_bytes is not None
    assert 90 * MB < ran.peak_memory_bytes < 200 * MB
    assert (ran.cpu_ms or 0) >= 400
    assert ran.usage is not None
    assert (ran.usage.step_ms, ran.usage.memory_limit_bytes) == (250, 400 * MB)
    assert 90_000 < max(ran.usage.memory_kb) < 200_000
    assert 0 < sum(ran.usage.cpu_ms) <= (ran.cpu_ms or 0) + 30
