"""An event loop that no clock, socket or thread can disturb: the same seed takes the same steps."""

import asyncio
from typing import Any


class StuckError(RuntimeError):
    """Nothing can run and nobody waits for that: the simulation would stand still for ever."""


class SteppedLoop(asyncio.BaseEventLoop):
    """Runs what is ready, in order; when nothing is, whoever awaits `quiet` goes on."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Quiet(self)
        self._waiter: asyncio.Future[None] | None = None

    def time(self) -> float:
        """Stand still: all time is the virtual clock's."""
        return 0.0

    async def quiet(self) -> None:
        """Return when every other coroutine waits for something that only the caller can bring about."""
        self._waiter = self.create_future()
        await self._waiter

    def wake_waiter(self) -> None:
        """Let the one go on that waits for quiet."""
        waiter, self._waiter = self._waiter, None
        if waiter is None:
            raise StuckError("nothing is ready to run")
        waiter.set_result(None)

    def _process_events(self, event_list: Any) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


class _Quiet:
    """Takes the selector's place: to have to wait means that nothing is ready."""

    def __init__(self, loop: SteppedLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            self._loop.wake_waiter()
        elif timeout > 0:
            raise StuckError("something waits by the loop's own clock instead of the virtual one")
        return []
