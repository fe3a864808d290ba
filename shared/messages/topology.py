"""Exchanges, queues, policies and permissions as data: what definitions hold and the scheduler declares.

Names are for a person who reads them in the management console. How a queue behaves is set by
policy (`POLICIES`), so that it can be changed without deleting queues. Its type is the vhost's
default: classic on one node, quorum where a cluster's vhost says so (docs/adr/0009).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from shared.domain.ids import BootId, ExecutorName, JobId, RunId
from shared.domain.job import DEFAULT_POOL
from shared.domain.sandbox import MinSandbox, offered


class Exchange(StrEnum):
    """Every exchange, by name."""

    DUE = "portal.due"
    CLAIMS = "portal.claims"
    EVENTS = "portal.events"
    LOGS = "portal.logs"
    CONTROL = "portal.control"
    DEAD = "portal.dead"


EXCHANGE_KINDS: Mapping[Exchange, str] = MappingProxyType(
    {
        Exchange.DUE: "direct",
        Exchange.CLAIMS: "direct",
        Exchange.EVENTS: "topic",
        Exchange.LOGS: "topic",
        Exchange.CONTROL: "topic",
        Exchange.DEAD: "fanout",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue and the keys by which its exchange feeds it."""

    name: str
    exchange: Exchange
    keys: tuple[str, ...]
    exclusive: bool = False
    arguments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What a user may do, as patterns of names; exchanges and queues share them.

    To bind takes write of the queue and read of the exchange; to delete takes configure.
    """

    configure: str
    write: str
    read: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the queues whose names match `pattern` behave."""

    name: str
    pattern: str
    definition: Mapping[str, object]
    apply_to: str = "queues"
    priority: int = 1


CLAIM_TTL_S = 10
"""A request that nobody took for so long is void: its sender has asked again."""

CLAIMS = Queue(name="portal.claims", exchange=Exchange.CLAIMS, keys=("claims",))
SCHEDULER_EVENTS = Queue(
    name="portal.events.scheduler",
    exchange=Exchange.EVENTS,
    keys=("run.started", "run.finished", "job.changed", "requests.changed"),
)
LOG_STORE = Queue(name="portal.logs.store", exchange=Exchange.LOGS, keys=("log.#",))
DEAD = Queue(name="portal.dead", exchange=Exchange.DEAD, keys=("",))

COMMON: tuple[Queue, ...] = (CLAIMS, SCHEDULER_EVENTS, LOG_STORE, DEAD)
"""The queues that every portal has, whatever its pools."""

POLICIES: tuple[Policy, ...] = (
    # Every channel that closes counts as a delivery of what it held; nothing may fall out by that.
    Policy(name="portal.due", pattern=r"^portal\.due\.", definition={"delivery-limit": 1_000_000}),
    Policy(name="portal.events", pattern=r"^portal\.events\.", definition={"delivery-limit": 1_000_000}),
    Policy(
        name="portal.logs",
        pattern=r"^portal\.logs\.store$",
        # No delivery-limit: a classic queue takes nothing of a policy with a key that only quorum queues
        # know, and this bound must hold. A chunk that fell out is sent again.
        definition={"max-length-bytes": 1_000_000_000, "overflow": "reject-publish"},
    ),
    Policy(name="portal.claims", pattern=r"^portal\.claims$", definition={"message-ttl": CLAIM_TTL_S * 1000}),
)


def due_key(pool: str, *, urgent: bool, minimum: MinSandbox = MinSandbox.ANY) -> str:
    """Return the routing key of `portal.due` for this pool, such as `default.isolated.urgent`.

    No part holds a dot: a pool's name may not.
    """
    level = () if minimum is MinSandbox.ANY else (str(minimum),)
    return ".".join((pool, *level, *(("urgent",) if urgent else ())))


def due_queue(pool: str, *, urgent: bool, minimum: MinSandbox = MinSandbox.ANY) -> Queue:
    """Return the queue in which attempts wait for an executor of this pool that offers `minimum`."""
    key = due_key(pool, urgent=urgent, minimum=minimum)
    return Queue(name=f"portal.due.{key}", exchange=Exchange.DUE, keys=(key,))


def due_queues(pool: str, level: str) -> tuple[Queue, ...]:
    """Return the queues that an executor of this level serves in a pool, two for each minimum."""
    return tuple(
        due_queue(pool, urgent=urgent, minimum=minimum)
        for minimum in offered(level)
        for urgent in (False, True)
    )


def control_queue(executor: ExecutorName, boot: BootId) -> Queue:
    """Return the queue of one start of one executor; it goes with its connection."""
    return Queue(
        name=f"portal.control.{executor}.{boot.hex[-8:]}",
        exchange=Exchange.CONTROL,
        keys=(control_key(executor), "executor.all"),
        exclusive=True,
    )


def control_key(executor: ExecutorName) -> str:
    """Return the routing key that reaches one executor."""
    return f"executor.{executor}"


def live_queue(replica: str) -> Queue:
    """Return the queue of one portal replica: bounded, the oldest is dropped, gone with it."""
    return Queue(
        name=f"portal.live.{replica}",
        exchange=Exchange.EVENTS,
        keys=("run.changed", "executor.changed", "job.changed"),
        exclusive=True,
        arguments=MappingProxyType({"x-max-length": 10_000, "x-overflow": "drop-head"}),
    )


def log_key(job_id: JobId, run_id: RunId) -> str:
    """Return the routing key of a run's output."""
    return f"log.{job_id}.{run_id}"


LASTING: tuple[Queue, ...] = (*COMMON, *due_queues(DEFAULT_POOL, MinSandbox.ISOLATED))
"""What definitions hold and the scheduler declares; it declares the due queues of other pools as well."""

_REPLIES = r"amq\.rabbitmq\.reply-to.*"
"""The address of an answer: no queue that anybody else could read, but newer brokers check its name."""

PERMISSIONS: Mapping[str, Permission] = MappingProxyType(
    {
        "scheduler": Permission(
            configure=r"^portal\..+",
            write=rf"^(portal\..+|amq\.default|{_REPLIES})$",  # answers go through the default exchange
            read=rf"^(portal\..+|{_REPLIES})$",
        ),
        "executor": Permission(
            configure=r"^portal\.control\..+",
            write=rf"^(portal\.(claims|events|logs|dead)|portal\.control\..+|{_REPLIES})$",
            read=rf"^(portal\.due\..+|portal\.control|portal\.control\..+|{_REPLIES})$",
        ),
        "ui": Permission(
            configure=r"^portal\.live\..+",
            write=r"^(portal\.(events|control|dead)|portal\.live\..+)$",
            read=r"^(portal\.(events|logs|control)|portal\.logs\.store|portal\.live\..+)$",
        ),
    }
)
"""Per service user no more than its code needs; only the scheduler can make or delete what lasts."""
