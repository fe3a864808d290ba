"""When a run of the harness is over: by what the portal does, not by a time; and what is left then."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from services.cli import roster
from services.cli.errors import RefusedByBroker
from shared.runtime.clock import SystemClock
from tests.chaos.evidence import ended, promised_until, unfinished
from tests.chaos.faults import pids_of
from tests.chaos.scripts import NAME
from tests.chaos.stage import READY_BOUND_S, Stage

QUIET_BOUND_S = 120.0
"""So long nothing may come to its end while something is unfinished: no job of the load runs as long."""
LAST_BOUND_S = 1200.0
"""However much still ends: a load that outgrows the machine must not last for ever."""
_LOOK_S = 0.5
_STEADY = "tick"
_AHEAD = timedelta(seconds=3)
"""A scheduler plans 2 s ahead."""


async def unready(stage: Stage) -> list[str]:
    """Wait until every process says that it is ready; return what does not come about."""
    try:
        await stage.ready()
    except TimeoutError as error:
        return [str(error)]
    return []


async def out_of_step(stage: Stage) -> list[str]:
    """Wait until instants are promised when they are near, by the right clock; return what does not come.

    A clock that was ahead has promised what is still to come: that is waited for, too.
    """

    async def is_in_step() -> bool:
        promised = await promised_until(stage.database, _STEADY)
        return abs(promised - SystemClock().now()) <= _AHEAD

    if await _within(READY_BOUND_S, is_in_step):
        return []
    promised = await promised_until(stage.database, _STEADY)
    return [f"{_STEADY} is promised until {promised}, and it is {SystemClock().now()}"]


async def _within(bound_s: float, is_so: Callable[[], Awaitable[bool]]) -> bool:
    try:
        async with asyncio.timeout(bound_s):
            while not await is_so():  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        return False
    return True


async def restless(stage: Stage) -> list[str]:
    """Wait until nothing moves any more; return what does not come to its end.

    A backlog may take its time, as long as something ends or there is less to do.
    """
    loop = asyncio.get_running_loop()
    began = since = loop.time()
    moving, most_ended = await _moving(stage), await ended(stage.database)
    least = len(moving)
    while moving and loop.time() - since < QUIET_BOUND_S and loop.time() - began < LAST_BOUND_S:
        await asyncio.sleep(_LOOK_S)
        moving, now_ended = await _moving(stage), await ended(stage.database)
        if len(moving) < least or now_ended > most_ended:
            since = loop.time()
        least, most_ended = min(least, len(moving)), max(most_ended, now_ended)
    waited_s = loop.time() - since
    return [f"no end, and nothing else ended within {waited_s:.0f} s: {what}" for what in moving]


async def _moving(stage: Stage) -> list[str]:
    scripts = pids_of(stage.folder / "scripts" / NAME)
    found = await unfinished(stage.database) + [f"script with pid {pid}" for pid in scripts]
    for executor in (stage.home.folder / "executors").iterdir():
        found += [f"{path.parent.name} of {executor.name}: {path.name}" for path in _owed(executor)]
    return found + await _lying(stage)


def _owed(executor: Path) -> list[Path]:
    """Return what the executor keeps until somebody has taken it: reports, output, work folders."""
    return [path for part in ("journal", "spool", "work") for path in sorted((executor / part).glob("*"))]


async def _lying(stage: Stage) -> list[str]:
    try:
        queues = await stage.management.call(
            "GET", "queues/%2F?columns=name,messages,messages_unacknowledged"
        )
    except (OSError, TimeoutError, RefusedByBroker) as error:
        return [f"RabbitMQ does not say what lies in its queues: {error!r}"]
    assert isinstance(queues, list)
    return [
        f"{one['name']} holds {one['messages']} messages, {one['messages_unacknowledged']} of them unacked"
        for one in queues
        if one.get("messages") and one["name"].startswith("portal.")  # not what a fault left there
    ]


async def outlived(stage: Stage) -> list[str]:
    """End the services in their order and say what outlived them."""
    for kind in ("executor", "scheduler", "ui"):
        async with asyncio.TaskGroup() as group:
            for name, servant in stage.services.items():
                if roster.kind(name) == kind:
                    group.create_task(servant.leave())
    keepers = [stage.home.executor(name) / "keeper" for name in stage.services]
    return [f"{path} outlived its executor" for path in keepers for _ in pids_of(path)]
