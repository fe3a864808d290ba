"""Ends what a supervisor that was killed left behind, before a new one takes its home."""

import asyncio
import os
import signal
from contextlib import suppress

from services.cli import record
from services.cli.console import Console
from services.cli.home import Home
from services.cli.process import Identity, gone_within, is_alive

_BOUND_S = 15.0


async def end(home: Home, console: Console) -> None:
    """Stop the processes of the last record that still live; the caller holds the home.

    They were sent SIGTERM by the kernel when their supervisor died, so an executor that still waits
    for its scripts takes this second one as "now".
    """
    last = record.read(home.record)
    alive = [child for child in last.children if is_alive(child.identity)] if last is not None else []
    if alive:
        with console.timed(
            "portal", f"ended what a killed portal left: {', '.join(child.name for child in alive)}"
        ):
            async with asyncio.TaskGroup() as ending:
                for child in alive:
                    ending.create_task(_end(child.identity))
    home.record.unlink(missing_ok=True)


async def _end(identity: Identity) -> None:
    with suppress(ProcessLookupError):
        os.kill(identity.pid, signal.SIGTERM)
    if not await gone_within(identity, _BOUND_S):
        with suppress(ProcessLookupError):
            os.killpg(identity.pid, signal.SIGKILL)
        await gone_within(identity, _BOUND_S)
