"""The composition root: finds an executor its place, serves while the broker is there, and drains it."""

import asyncio
import os
import resource
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from services.executor.adoption import adopt_siblings
from services.executor.identity import Identity
from services.executor.place import take_first_free, take_named
from services.executor.recovery import bury_keepers
from services.executor.sandbox.interpreter import find_python
from services.executor.sandbox.level import Sandbox
from services.executor.sandbox.process import compiled_keeper
from services.executor.settings import ExecutorSettings
from services.executor.wiring import Base, Parts, finish, opened, parts_on, release, run_parts
from shared.broker import connect
from shared.domain.ids import BootId, new_id
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.health import endpoint
from shared.runtime.lifecycle import run_loops

log = structlog.get_logger()


@dataclass(slots=True)
class _Executor:
    """The process: the base from its start, the parts from the moment the broker answers."""

    base: Base
    parts: Parts | None = None
    drained: asyncio.Event = field(default_factory=asyncio.Event)

    def facts(self) -> Mapping[str, object]:
        """Return what the health endpoint shows; ready means that all of it is true."""
        parts = self.parts
        return {
            "broker connected": parts is not None and parts.broker.connected,
            # Drained it does what it is told: nobody is to restart it for that.
            "consuming, full or drained": parts is not None
            and (parts.intake.is_consuming or self.base.drained),
            "renewal answered": parts is not None and parts.heartbeat.is_answered,
            "no problems": not self.base.problems,
        }


async def run(settings: ExecutorSettings, stop: asyncio.Event, clock: Clock | None = None) -> None:
    """Run the executor until `stop` is set and what it holds has ended, is settled and stored."""
    executor = _Executor(_base(settings, clock or SystemClock()))
    identity = executor.base.identity
    log.info("executor starts", boot=str(identity.boot), slots=identity.slots)
    async with endpoint(settings.health_port, executor.facts):
        executor.base.sandbox.keep_ready()
        await run_loops(executor.drained, _serve(executor), _drain(executor, stop))
    executor.base.sandbox.close()
    log.info("executor ends")


def _base(settings: ExecutorSettings, clock: Clock) -> Base:
    # Four descriptors a run: 256 slots do not fit into the usual soft limit. Scripts get theirs anew.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if settings.executor_prefix is None:
        place = take_named(settings.state_dir, settings.executor_name)
    else:
        place = take_first_free(settings.executors_dir, settings.executor_prefix)
    structlog.contextvars.bind_contextvars(executor=place.name)
    bury_keepers(place.keeper)
    sandbox = Sandbox(
        scripts_dir=settings.scripts_dir,
        python=find_python(settings.script_python),
        work_root=place.work,
        keeper=compiled_keeper(place.keeper),
    )
    identity = Identity(
        name=place.name,
        boot=BootId(new_id()),
        host=socket.gethostname(),
        pid=os.getpid(),
        started_at=clock.now(),
        slots=settings.executor_slots,
        pools=settings.executor_pools,
        sandbox=settings.sandbox,
    )
    return opened(settings, identity, clock, place, sandbox)


async def _serve(executor: _Executor) -> None:
    base = executor.base
    url = base.settings.amqp_url.get_secret_value()
    async with connect(url, name=base.identity.name) as broker, parts_on(broker, base) as parts:
        executor.parts = parts
        await run_parts(parts, release(parts), adopt_siblings(base, broker))


async def _drain(executor: _Executor, stop: asyncio.Event) -> None:
    await stop.wait()
    executor.base.draining = True
    if executor.parts is not None:
        executor.parts.drain()
        await finish(executor.parts)
    executor.drained.set()
