"""The folders that jobs keep between their runs, as the executor sees them: where they are, and whose go.

The scheduler alone knows which jobs were deleted. From time to time renewals ask about the jobs that have a
folder here, some at a time, and the answer names those whose folders go; an older scheduler names none.
"""

import asyncio
import contextlib
import os
from pathlib import Path
from uuid import UUID

import structlog

from services.executor.sandbox.level import Sandbox
from services.executor.settings import ExecutorSettings
from shared.domain.ids import JobId
from shared.runtime.clock import Clock

log = structlog.get_logger()

EVERY_S = 3600.0
MOST_ASKED = 100
"""About so many jobs one renewal asks."""
_SHARED = Path("/var/lib/portal-states")


def states_in(settings: ExecutorSettings) -> Path:
    """Return where jobs keep their folders: in the portal's home, if its scripts can come by that.

    To be asked before the executor gives up its privileges. Executors of one home, or root's of one machine,
    have one such folder: jobs find what they kept, whichever of them runs it.
    """
    return root_of(settings.home, settings.states_dir, settings.sandbox)


def root_of(home: Path, given: Path | None, sandbox: str) -> Path:
    """Return where jobs of executors of this home keep their folders, for this process's user."""
    if given is not None:
        return given.absolute()
    return home / "states" if os.getuid() != 0 or sandbox == "process" else _SHARED


def make_root(settings: ExecutorSettings) -> None:
    """Make that folder, for who will make folders in it; blocks. The sandbox finds out what failed."""
    if not settings.state_bytes:
        return
    root = states_in(settings)
    with contextlib.suppress(OSError):
        root.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(root, 0, 0)
        root.chmod(0o755)
        if os.geteuid() == 0 and settings.sandbox == "process":
            # There the executor's user makes folders; elsewhere its spawner, and that is root's.
            os.chown(root, *settings.executor_user or (0, 0))


class States:
    """Asks about the jobs that have a folder, and removes the folders of those that are gone."""

    def __init__(self, sandbox: Sandbox, clock: Clock) -> None:
        self.asked: tuple[JobId, ...] = ()
        """The jobs that a renewal is to ask about."""
        self._sandbox = sandbox
        self._clock = clock
        self._gone: tuple[JobId, ...] = ()
        self._is_answered = asyncio.Event()

    def take(self, asked: tuple[JobId, ...], gone: tuple[JobId, ...]) -> None:
        """Take the answer to a renewal that asked about these jobs."""
        if asked and asked == self.asked:
            self._gone = tuple(job for job in gone if job in asked)
            self.asked = ()
            self._is_answered.set()

    async def run(self) -> None:
        """Ask now and every hour, until cancelled."""
        while True:
            jobs = await asyncio.to_thread(self._sandbox.kept)
            for first in range(0, len(jobs), MOST_ASKED):
                await self._ask(jobs[first : first + MOST_ASKED])
            await self._clock.sleep(EVERY_S)

    async def _ask(self, jobs: list[str]) -> None:
        self._is_answered.clear()
        self.asked = tuple(JobId(UUID(job)) for job in jobs)
        await self._is_answered.wait()
        for job in map(str, self._gone):
            try:
                await self._sandbox.forget(job)
            except (OSError, TimeoutError) as error:
                log.warning("folder of a deleted job not removed", job_id=job, error=str(error))
        left = await asyncio.to_thread(self._sandbox.kept) if self._gone else []
        for job in map(str, self._gone):
            log.info("folder of a deleted job", job_id=job, removed=job not in left)
