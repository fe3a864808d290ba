"""A fork bomb where there is room for no other process: what would end it cannot be started either."""

import asyncio
import contextlib
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from services.executor.sandbox.command import PATH, Command
from services.executor.sandbox.fence import Level
from services.executor.sandbox.process import Order, Setup, Spawner, StoppedBy
from tests.sandbox import judge
from tests.support.eventually import until

ROOM = 40
BOMB = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
until = time.monotonic() + 30
while time.monotonic() < until:
    try:
        os.fork()
    except OSError:
        pass
"""


@pytest.fixture
def spawner() -> Iterator[Spawner]:
    """A spawner in a control group that has room for 40 processes, as a container's is."""
    if os.geteuid() != 0:
        pytest.skip("control groups and users of their own need root")
    v1 = Path("/sys/fs/cgroup/pids")
    group = (v1 if v1.is_dir() else Path("/sys/fs/cgroup")) / f"corpus-{os.getpid()}"
    with contextlib.suppress(OSError):
        group.mkdir()
    if not (group / "pids.max").exists():
        pytest.skip("no control group of processes can be made here")
    folder = Path(tempfile.mkdtemp(prefix="corpus-", dir="/var/tmp"))
    folder.chmod(0o755)
    made = Spawner(folder / "keeper", Setup(level=Level.RESTRICTED, work_root=folder / "runs"))
    (group / "pids.max").write_text(str(ROOM))
    (group / "cgroup.procs").write_text(str(made.popen.pid))
    yield made
    for pid in judge.below(made.popen.pid)[1:]:  # none, unless the test has failed
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
    made.close()
    group.rmdir()
    shutil.rmtree(folder)


async def test_a_bomb_that_has_taken_all_the_room_is_ended(spawner: Spawner) -> None:
    printed = bytearray()
    nonce = f"bomb-{uuid4()}"
    order = Order(
        command=Command(argv=("/usr/bin/python3", "-c", BOMB, nonce), env={"PATH": PATH}),
        work_dir=spawner.setup.work_root / "bomb",
        timeout_s=2,
        kill_grace_s=0.2,
        lease_until=math.inf,
    )
    process = spawner.start(order, lambda _, piece: printed.extend(piece))

    async with asyncio.timeout(20):
        ended = await process.ended
        await process.gone

    assert b"ready" in printed
    assert ended.stopped_by is StoppedBy.TIMEOUT
    assert judge.processes_with(nonce) == []
    # Gone for us is a keeper with its socket, a moment before the kernel forgets it; the next one waits.
    await until(lambda: len(judge.below(spawner.popen.pid)) == 2)
