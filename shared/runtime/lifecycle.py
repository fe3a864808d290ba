"""From the first line of a process to its last: signals become a stop event, loops live in one group."""

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from traceback import format_exception

import structlog

log = structlog.get_logger()

_LAST_S = 5.0
"""So long after its body has ended a process may tidy up what libraries left behind."""


def run(body: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run a service until it ends.

    `body` gets an event that the first SIGTERM or SIGINT sets; it then has all the time it needs to
    drain. A second signal ends the process at once with status 130. When the body has ended, or failed, the
    process ends within 5 s: a request that was cancelled while its database was locked leaves a task to
    SQLAlchemy that never ends, and asyncio would wait for it for ever.
    """
    # What was imported stays for good. Unfrozen, every full collection walks it again: a pause of 50 to
    # 150 ms in the middle of a claim.
    gc.collect()
    gc.freeze()
    failures: list[BaseException] = []
    last = threading.Timer(_LAST_S, _end_at_once, (failures,))
    last.daemon = True
    try:
        with asyncio.Runner() as runner:
            try:
                runner.run(_run(body))
            except BaseException as error:
                # SystemExit leaves the loop at once, wherever it is raised: the body may be waiting still.
                failures.append(error)
                raise
            finally:
                last.start()
    finally:
        last.cancel()


def _end_at_once(failures: Sequence[BaseException]) -> None:
    log.warning("something that was left behind does not end: the process ends without it")
    code: str | int | None = 0
    for error in failures:
        # As the interpreter would have said it.
        code = error.code if isinstance(error, SystemExit) else "".join(format_exception(error))
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
        sys.stderr.flush()
        code = 1
    os._exit(code or 0)


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


class LoopEndedError(RuntimeError):
    """A loop that must not end has ended: a process that goes on without it would only seem to work."""


async def endless(loop: Coroutine[None, None, None]) -> None:
    """Await a loop that ends only when it is cancelled by us.

    A TaskGroup takes a child that was cancelled for finished, whoever did it: aiormq cancels those who
    wait on a connection that is stuck.

    Raises:
        LoopEndedError: it returned, or was cancelled by somebody else.
    """
    try:
        await loop
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise LoopEndedError(f"{loop!r} was cancelled from outside") from error
    raise LoopEndedError(f"{loop!r} ended")


async def run_loops(stop: asyncio.Event, *loops: Coroutine[None, None, None]) -> None:
    """Run endless loops in one group until `stop` is set; the end of one before that ends all with an error.

    Raises:
        ExceptionGroup: of what ended them, `LoopEndedError` for one that just ended.
    """

    async def until_stop(loop: Coroutine[None, None, None]) -> None:
        try:
            await endless(loop)
        except LoopEndedError:
            if not stop.is_set():
                raise

    async def end() -> None:
        await stop.wait()
        raise Stopped

    try:
        async with asyncio.TaskGroup() as group:
            for loop in loops:
                group.create_task(until_stop(loop))
            group.create_task(end())
    except* Stopped:
        log.info("loops stopped")
