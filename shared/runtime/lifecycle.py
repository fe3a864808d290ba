"""From the first line of a process to its last: signals become a stop event, loops live in one group."""

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine

import structlog

log = structlog.get_logger()


def run(body: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run a service until it ends.

    `body` gets an event that the first SIGTERM or SIGINT sets; it then has all the time it needs to
    drain. A second signal ends the process at once with status 130.
    """
    # What was imported stays for good. Unfrozen, every full collection walks it again: a pause of 50 to
    # 150 ms in the middle of a claim.
    gc.collect()
    gc.freeze()
    asyncio.run(_run(body))


async def _run(body: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    await body(stop)


class Stopped(Exception):  # noqa: N818 - not an error: it ends a TaskGroup
    """Raised inside a TaskGroup to end its loops once the stop event is set."""


async def run_loops(stop: asyncio.Event, *loops: Coroutine[None, None, None]) -> None:
    """Run endless loops in one group until `stop` is set; the death of one ends all with its error."""

    async def end() -> None:
        await stop.wait()
        raise Stopped

    try:
        async with asyncio.TaskGroup() as group:
            for loop in loops:
                group.create_task(loop)
            group.create_task(end())
    except* Stopped:
        log.info("loops stopped")
