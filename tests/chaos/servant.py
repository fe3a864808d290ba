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
_END_BOUND_S = 90.0


@dataclass(slots=True)
class Servant:
    """Keeps one program running; its output goes to a new file for each start."""

    program: Program
    said: Path
    starts: int = 0
    own_ends: list[int] = field(default_factory=list)
    """Exit codes of the times when it ended though nobody had asked for it."""
    process: Process | None = None
    is_frozen: bool = False
    _is_asked: bool = False
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
            self._is_asked = False
            output = self.said / f"{self.name}.{self.starts}.log"
            self.process = process = await spawn(replace(self.program, output=output))
            try:
                code = await process.child.wait()
            finally:
                process.kill()
                self.process, self.is_frozen = None, False
            if not self._is_asked:
                self.own_ends.append(code)
            await asyncio.sleep(_PAUSE_S)

    def send(self, number: signal.Signals) -> bool:
        """Signal it; False if it is down at the moment."""
        if self.process is None:
            return False
        self._is_asked = self._is_asked or number in {signal.SIGTERM, signal.SIGKILL}
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

    async def ended(self, process: Process | None) -> None:
        """Wait until this process is gone; TimeoutError after 90 s."""
        if process is not None:
            async with asyncio.timeout(_END_BOUND_S):
                await process.child.wait()

    async def leave(self) -> None:
        """End it for good, in order; by force if it does not."""
        self.stay_away()
        self.thaw()
        process = self.process
        self.send(signal.SIGTERM)
        try:
            await self.ended(process)
        except TimeoutError:
            self.send(signal.SIGKILL)
            await self.ended(process)
