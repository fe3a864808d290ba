"""Jobs that keep a folder, and runs of them in a sandbox of any level."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from services.executor.sandbox.command import NOTHING
from services.executor.sandbox.level import Ground, Order, Sandbox
from services.executor.sandbox.process import Ended, Left, Process
from shared.domain.ids import AttemptId, JobId, new_id
from shared.messages.events import Stream
from tests.integration.executor.confined import BOUND_S
from tests.integration.executor.fenced import a_ground
from tests.unit.services.executor.grants import a_grant

LEVELS = pytest.mark.parametrize("level", ["process", "restricted", "isolated"])
COUNTS = """
import os, pathlib, sqlite3, sys, tempfile
state = pathlib.Path(os.environ["PORTAL_STATE_DIR"])
cursor = state / "cursor"
count = int(cursor.read_text()) + 1 if cursor.exists() else 1
handle, path = tempfile.mkstemp(dir=state)  # of mode 0600, as programs write what they replace
os.write(handle, b"%d" % count)
os.replace(path, cursor)
with sqlite3.connect(state / "kept.sqlite") as kept:
    kept.execute("CREATE TABLE IF NOT EXISTS run (number INTEGER)")
    kept.execute("INSERT INTO run VALUES (?)", (count,))
    rows = kept.execute("SELECT count(*) FROM run").fetchone()[0]
print(count, rows, os.getuid())
"""


@dataclass
class Run:
    """A run of a job, and what it printed so far."""

    process: Process
    order: Order
    printed: bytearray = field(default_factory=bytearray)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def line(self, number: int) -> list[str]:
        async with asyncio.timeout(BOUND_S):
            while self.printed.count(b"\n") <= number:
                self.news.clear()
                await self.news.wait()
        return self.printed.decode().splitlines()[number].split()

    async def end(self) -> Ended:
        async with asyncio.timeout(BOUND_S):
            ended = await self.process.ended
            await self.process.gone
            await self.process.started  # raises why it was not
        return ended


@contextmanager
def ground_with_states() -> Iterator[Ground]:
    """Make folders that every user can pass, one for what jobs keep among them; remove them."""
    with a_ground() as made:
        states = made.home.parent / "states"
        states.mkdir(mode=0o755)
        yield replace(made, states=states)


def a_job(ground: Ground, script: str) -> JobId:
    job = JobId(new_id())
    (ground.scripts_dir / f"{job}.py").write_text(script)
    return job


def run_of(job: JobId, sandbox: Sandbox, *args: str, left: Left = lambda _: None, **granted: object) -> Run:
    grant = a_grant(job_id=job, attempt_id=AttemptId(new_id()), script=f"{job}.py", args=args, **granted)
    order = sandbox.prepare(grant, NOTHING, lease_until=float("inf"), spawn_until=float("inf"))
    printed, news = bytearray(), asyncio.Event()

    def take(_: Stream, read: memoryview) -> bool:
        printed.extend(read)
        news.set()
        return False

    return Run(sandbox.start(order, take, left), order, printed, news)


async def printed_by(job: JobId, sandbox: Sandbox, *args: str) -> str:
    run = run_of(job, sandbox, *args)
    ended = await run.end()
    assert ended.exit_code == 0, (ended, run.printed.decode())
    return run.printed.decode()
