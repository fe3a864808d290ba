"""Tells what dead siblings still owe, when nobody takes their place.

Scaled down from five to two, the folder of a fifth that was killed would keep its reports and output
for ever. An executor with a prefix looks for such folders and, one at a time, is that sibling for a
moment: a boot of that name that takes no runs, reports what its folder owes and leaves in good order.
"""

import asyncio
import contextlib
from dataclasses import replace

import structlog

from services.executor.identity import Identity
from services.executor.place import Place, owing
from services.executor.recovery import bury_keepers
from services.executor.wiring import Base, Parts, finish, opened, parts_on, release, run_parts
from shared.broker import Broker
from shared.domain.ids import BootId, new_id
from shared.runtime.lifecycle import run_loops

log = structlog.get_logger()

EVERY_S = 60.0
"""Time for a new executor to take the place itself: then it keeps its name, as a restart does."""
_RELEASED_S = 10.0


async def adopt_siblings(base: Base, broker: Broker) -> None:
    """Look every minute until cancelled; without a prefix there are no siblings."""
    prefix = base.settings.executor_prefix
    while prefix is not None:
        await base.clock.sleep(EVERY_S)
        try:
            for place in owing(base.settings.executors_dir, prefix):
                try:
                    # In a task of its own: what it logs bears the sibling's name.
                    async with asyncio.TaskGroup() as group:
                        group.create_task(_adopt(base, broker, place))
                finally:
                    place.leave()
        except* Exception as errors:  # noqa: BLE001 - a sibling's trouble must not end healthy runs
            log.warning("dead siblings wait for another look", errors=[str(one) for one in errors.exceptions])


async def _adopt(base: Base, broker: Broker, place: Place) -> None:
    structlog.contextvars.bind_contextvars(executor=place.name)
    log.info("telling what a dead executor owes", by=base.identity.name)
    await asyncio.to_thread(bury_keepers, place.keeper)
    identity: Identity = replace(
        base.identity, name=place.name, boot=BootId(new_id()), started_at=base.clock.now(), slots=0, pools=()
    )
    adopted = await asyncio.to_thread(opened, base.settings, identity, base.clock, place, base.sandbox)
    adopted.draining = True
    try:
        async with parts_on(broker, adopted) as parts:
            told = asyncio.Event()
            await run_loops(told, run_parts(parts), _tell(parts, told))
    finally:
        adopted.spools.close()


async def _tell(parts: Parts, told: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_RELEASED_S):
            await release(parts)
    await finish(parts)
    told.set()
