"""An executor of the test's own, in this process or in one that can be killed."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.executor import app
from shared.runtime.clock import SystemClock
from tests.integration.executor.stage import KEY, NAME, Ledger, ledger, settings_for

SAMPLES = Path(__file__).parents[3] / "scripts"


class ShiftedClock(SystemClock):
    """The machine's clock; a test moves the monotonic one forward instead of waiting."""

    shift = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.shift


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the sample scripts."""
    (tmp_path / "scripts").mkdir()
    for sample in SAMPLES.iterdir():
        (tmp_path / "scripts" / sample.name).write_bytes(sample.read_bytes())
    return tmp_path


@pytest.fixture
async def played(amqp_url: str) -> AsyncIterator[Ledger]:
    async with ledger(amqp_url) as other_side:
        yield other_side


@dataclass(frozen=True)
class RunningExecutor:
    """An executor in this process."""

    stop: asyncio.Event
    loop: asyncio.Task[None]

    async def drain(self) -> None:
        """Stop it and wait until it has left."""
        self.stop.set()
        await self.loop


Start = Callable[..., Awaitable[RunningExecutor]]


@pytest.fixture
async def executor(amqp_url: str, home: Path, clock: ShiftedClock, played: Ledger) -> AsyncIterator[Start]:
    """Start an executor with these settings; it is drained at the end of the test."""
    started: list[RunningExecutor] = []
    async with asyncio.TaskGroup() as group:

        async def start(**settings: object) -> RunningExecutor:
            stop = asyncio.Event()
            loop = group.create_task(app.run(settings_for(amqp_url, home, **settings), stop, clock))
            started.append(RunningExecutor(stop, loop))
            await played.until(lambda: played.renewals)
            return started[-1]

        yield start
        for running in started:
            running.stop.set()


class ExecutorProcess:
    """A real process, to be killed."""

    def __init__(self, amqp_url: str, home: Path, *, prefix: str | None = None) -> None:
        settings_for(amqp_url, home)
        self.env = {
            "PORTAL_AMQP_URL": amqp_url,
            "PORTAL_HOME": str(home),
            "PORTAL_GRANT_KEY_FILE": str(home / "grant.key"),
            "PORTAL_SCRIPTS_DIR": str(home / "scripts"),
            "PORTAL_SANDBOX": "process",
            **({"PORTAL_EXECUTOR_PREFIX": prefix} if prefix else {"PORTAL_EXECUTOR_NAME": NAME}),
        }
        assert (home / "grant.key").read_text() == KEY
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> int:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.executor", env=self.env
        )
        return self.process.pid

    async def end(self, number: int) -> int:
        """Send a signal and return the exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return await self.process.wait()


@asynccontextmanager
async def process_of(
    amqp_url: str, home: Path, *, prefix: str | None = None
) -> AsyncIterator[ExecutorProcess]:
    """A process that is started inside and gone behind, however the test ends."""
    executor = ExecutorProcess(amqp_url, home, prefix=prefix)
    try:
        yield executor
    finally:
        if executor.process is not None and executor.process.returncode is None:
            await executor.end(9)


@pytest.fixture
async def executor_process(amqp_url: str, home: Path) -> AsyncIterator[ExecutorProcess]:
    async with process_of(amqp_url, home) as executor:
        yield executor
