"""What the services hold when nothing is to do: what is more than that, leaks."""

import asyncio
import re
from contextlib import suppress
from pathlib import Path

from services.cli import broker_node, roster
from tests.chaos.stage import Stage

BOUND_S = 90.0
"""A connection that is dead without a word is noticed after 33 s."""
_WHAT = ("connections", "channels", "consumers")
_AT_REST = {"executor": (2, 5, 3), "scheduler": (2, 5, 2), "ui": (2, 3, 2)}
"""So many of them has each process; an executor that serves one pool."""
_SESSIONS = {"scheduler": 15, "ui": 18}
"""So many connections its pools have: what was needed once may stay open."""
_COUNTS = """{length(rabbit_networking:connections()), length(rabbit_channel:list()),
lists:sum([Count || [{consumer_count, Count}] <- rabbit_channel:info_all([consumer_count])])}."""
_IDLE = """SELECT application_name FROM pg_stat_activity
WHERE state LIKE 'idle in transaction%' AND state_change < pg_catalog.clock_timestamp() - interval '10 s'"""


async def leaked(stage: Stage) -> list[str]:
    """Wait until the services hold what they hold at rest; return what does not come about."""
    found: list[str] = []
    try:
        async with asyncio.timeout(BOUND_S):
            while found := await _surplus(stage):  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(1)
    except TimeoutError:
        pass
    return found + _of_the_database(stage)


async def _surplus(stage: Stage) -> list[str]:
    """Return what is not as it is to be, or in one process not as in the others of its kind."""
    kinds = [roster.kind(name) for name in stage.services]
    wanted = [sum(counts) for counts in zip(*(_AT_REST[kind] for kind in kinds), strict=True)]
    found = [
        f"RabbitMQ has {count} {what} at rest, and should have {most}"
        for what, count, most in zip(_WHAT, await _of_the_broker(stage), wanted, strict=True)
        if count != most
    ]
    found += [
        f"{name} has {wire.connections} connections to RabbitMQ"
        for name, wire in stage.to_broker.items()
        if wire.connections != _AT_REST[roster.kind(name)][0]
    ]
    descriptors = _descriptors(stage)
    return found + [
        f"{name} has {count} sockets and pipes, another of its kind {least}"
        for name, count in descriptors.items()
        if count != (least := min(n for other, n in descriptors.items() if _are_alike(name, other)))
    ]


def _are_alike(name: str, other: str) -> bool:
    return roster.kind(name) == roster.kind(other)


async def _of_the_broker(stage: Stage) -> tuple[int, int, int]:
    """Ask the node itself: its management pages are seconds behind."""
    server = broker_node.find_server()
    assert server is not None
    asking = await asyncio.create_subprocess_exec(
        server.with_name("rabbitmqctl"),
        *("eval", _COUNTS),
        env=dict(stage.broker.program.environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asking.communicate()
    numbers = re.search(r"\{(\d+),(\d+),(\d+)\}", said.decode())
    assert numbers, said.decode()
    connections, channels, consumers = map(int, numbers.groups())
    return connections, channels, consumers


def _descriptors(stage: Stage) -> dict[str, int]:
    """Count the sockets and pipes of executors and schedulers; the ui's depend on who looks at it."""
    counts = {}
    for name, servant in stage.services.items():
        if roster.kind(name) != "ui" and servant.process is not None:
            to_database = stage.to_database[name].connections if name in stage.to_database else 0
            counts[name] = _open_in(servant.process.identity.pid) - to_database
    return counts


def _open_in(pid: int) -> int:
    found = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed while we look
            found += str(entry.readlink()).startswith(("socket:", "pipe:"))
    return found


def _of_the_database(stage: Stage) -> list[str]:
    if stage.postgres is None:
        return []
    (idle,) = stage.postgres.postgres.execute(_IDLE)
    return [f"a session of {row[0]} rests in a transaction" for row in idle] + [
        f"{name} has {wire.connections} connections to the database, and pools of {_SESSIONS[kind]}"
        for name, wire in stage.to_database.items()
        if wire.connections > _SESSIONS[kind := roster.kind(name)]
    ]
