"""One process of the portal that is started again whenever it ends, unless it is to stay down for a while."""

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from services.cli.process import Process, Program, spawn

_PAUSE_S = 0.3
"""Between an end and the next start: a process that cannot start must not eat the machine."""
_END_BOUND_S = 60.0
_DRAIN_BOUND_S = 150.0
"""An executor waits for its scripts, and then for whoever is to take their reports."""


@dataclass(slots=True)
class Servant:
    """Keeps one program running; its output goes to a new file for each start."""

    program: Program
    said: Path
    starts: int = 0
    own_ends: list[int] = field(default_factory=list)
    """Exit codes of the times when it ended though nobody had asked for it."""
    stuck: int = 0
    """How often it was asked to end and did not."""
    process: Process | None = None
    is_frozen: bool = False
    _asked_at: float | None = None
    _may_start: asyncio.Event = field(default_factory=asyncio.Event)
    _stays_away: int = 0

    @property
    def name(self) -> str:
        return self.program.name

    async def run(self) -> None:
        """Keep it running until cancelled; it is killed then."""
        self._may_start.set()
        while True:
            await self._may_start.wait()
            self.starts += 1
            self._asked_at = None
            output = self.said / f"{self.name}.{self.starts}.log"
            self.process = process = await spawn(replace(self.program, output=output))
            try:
                code = await self._life(process)
            finally:
                process.kill()
                self.process, self.is_frozen = None, False
            if self._asked_at is None:
                self.own_ends.append(code)
            await asyncio.sleep(_PAUSE_S)

    async def _life(self, process: Process) -> int:
        """Wait for its end; who was asked to end and does not is killed, as every supervisor does."""
        ended = asyncio.ensure_future(process.child.wait())
        while not ended.done():
            await asyncio.wait({ended}, timeout=1)
            patience_s = _DRAIN_BOUND_S if self.name.startswith("executor") else _END_BOUND_S
            now = asyncio.get_running_loop().time()
            if self.is_frozen or self._asked_at is None:
                self._asked_at = self._asked_at and now
            elif now - self._asked_at > patience_s:
                self.stuck += 1
                process.kill()
        return await ended

    def send(self, number: signal.Signals) -> bool:
        """Signal it; False if it is down at the moment."""
        if self.process is None:
            return False
        if self._asked_at is None and number in {signal.SIGTERM, signal.SIGKILL}:
            self._asked_at = asyncio.get_running_loop().time()
        with suppress(ProcessLookupError):
            os.kill(self.process.identity.pid, number)
        return True

    def freeze(self) -> bool:
        """Stop it where it is; False if it is down or frozen already."""
        if self.process is None or self.is_frozen:
            return False
        self.is_frozen = True
        return self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.is_frozen = False
        self.send(signal.SIGCONT)

    def stay_away(self) -> None:
        """Let it not be started again, until `come_back` was called as often."""
        self._stays_away += 1
        self._may_start.clear()

    def come_back(self) -> None:
        """Let it be started again."""
        self._stays_away -= 1
        if self._stays_away == 0:
            self._may_start.set()

    async def leave(self) -> None:
        """End it for good, in order."""
        self.stay_away()
        self.thaw()
        process = self.process
        self.send(signal.SIGTERM)
        if process is not None:
            await process.child.wait()
