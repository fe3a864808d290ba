"""The composition root: finds an executor its place, serves while the broker is there, and drains it."""

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from services.executor.adoption import adopt_siblings
from services.executor.environments import folder_of, make_folder
from services.executor.identity import Identity
from services.executor.place import Place, take_first_free, take_named
from services.executor.recovery import bury_keepers
from services.executor.sandbox.interpreter import check, find_python
from services.executor.sandbox.level import Ground, Sandbox, choose
from services.executor.settings import ExecutorSettings
from services.executor.states import make_root, states_in
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Footing:
    """What an executor has before it gives up its privileges."""

    place: Place
    sandbox: Sandbox


async def stand(settings: ExecutorSettings, place: Place) -> Footing:
    """Bury the keepers of earlier starts in this place and try how well scripts can be fenced in.

    Raises:
        SystemExit: the Python that is to run scripts does not work, or another program is not there.
    """
    check(settings.interpreters)
    bury_keepers(place.keeper)
    make_root(settings)
    return Footing(place=place, sandbox=await choose(settings.sandbox, _ground(settings, place)))


def take_place(settings: ExecutorSettings) -> Place:
    """Lock the folder that this executor is known by.

    Raises:
        SystemExit: somebody else has it, or it cannot be written; says what to do.
    """
    if settings.executor_prefix is None:
        place = take_named(settings.state_dir, settings.executor_name)
    else:
        place = take_first_free(settings.executors_dir, settings.executor_prefix)
    with contextlib.suppress(OSError):  # tried again, and told, by the first run that needs it
        make_folder(folder_of(settings, place))
    return place


def _ground(settings: ExecutorSettings, place: Place) -> Ground:
    return Ground(
        scripts_dir=settings.scripts_dir,
        python=find_python(settings.script_python),
        home=place.folder,
        marker=place.keeper,
        work_root=place.work,
        # Executors of several homes may have one name, and all of a machine share that folder.
        users_root=settings.sandbox_dir / place.unique_name,
        environments=folder_of(settings, place),
        readable=tuple(map(str, settings.sandbox_readable)),
        writable=tuple(map(str, settings.sandbox_writable)),
        user=settings.executor_user,
        interpreters=settings.interpreters,
        artifacts_bytes=settings.artifacts_bytes,
        states=states_in(settings),
        state_bytes=settings.state_bytes,
        cgroup=place.unique_name,
    )


async def run(
    settings: ExecutorSettings,
    stop: asyncio.Event,
    clock: Clock | None = None,
    footing: Footing | None = None,
) -> None:
    """Run the executor until `stop` is set and what it holds has ended, is settled and stored."""
    footing = footing or await stand(settings, take_place(settings))
    executor = _Executor(_base(settings, footing, clock or SystemClock()))
    identity = executor.base.identity
    structlog.contextvars.bind_contextvars(executor=identity.name)
    log.info(
        "executor starts",
        boot=str(identity.boot),
        slots=identity.slots,
        sandbox=identity.sandbox,
        cgroups=footing.sandbox.lacks_cgroups or "used",
    )
    if settings.state_bytes and footing.sandbox.lacks_states:
        log.warning(
            "jobs keep no folders: scripts have no PORTAL_STATE_DIR",
            why=footing.sandbox.lacks_states,
            mend="make PORTAL_STATES_DIR writable and restart, or set PORTAL_STATE_BYTES=0",
        )
    async with endpoint(settings.health_port, executor.facts):
        await run_loops(executor.drained, _serve(executor), _drain(executor, stop))
    executor.base.environments.leave()
    executor.base.sandbox.close()
    log.info("executor ends")


def _base(settings: ExecutorSettings, footing: Footing, clock: Clock) -> Base:
    # Three descriptors a run: 256 slots do not fit into the usual soft limit. Scripts get theirs anew.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    identity = Identity(
        name=footing.place.name,
        boot=BootId(new_id()),
        host=socket.gethostname(),
        pid=os.getpid(),
        started_at=clock.now(),
        slots=settings.executor_slots,
        pools=settings.executor_pools,
        sandbox=footing.sandbox.level,
        sandbox_features=", ".join(footing.sandbox.features),
    )
    return opened(settings, identity, clock, footing.place, footing.sandbox)


async def _serve(executor: _Executor) -> None:
    base = executor.base
    url = base.settings.amqp_url.get_secret_value()
    async with connect(url, name=base.identity.name) as broker, parts_on(broker, base) as parts:
        executor.parts = parts
        await run_parts(parts, release(parts), adopt_siblings(base, broker), base.states.run())


async def _drain(executor: _Executor, stop: asyncio.Event) -> None:
    await stop.wait()
    executor.base.draining = True
    if executor.parts is not None:
        executor.parts.drain()
        await finish(executor.parts)
    executor.drained.set()
