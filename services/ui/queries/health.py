"""The one word on health, from which everything that speaks of health is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.models import Freeze, Health, HealthState, Unserved
from services.ui.queries.briefs import is_waiting
from services.ui.queries.executors import HAS_LEFT
from services.ui.queries.parked import parked_count
from services.ui.queries.pools import offers_of_pools, unserved_pools
from shared.db.executors import executors
from shared.db.holds import open_holds
from shared.db.tables import CursorRow, ExecutorRow, RequestRow, RunRow
from shared.domain.holds import Holds
from shared.domain.run import RunState
from shared.domain.sandbox import HOW_TO_OFFER, MinSandbox

SILENCE = timedelta(seconds=10)
"""A scheduler that decides nothing of what is due for so long is silent."""

_FORGETS_NOTHING = "What falls due is decided when it is back; no instant is forgotten."


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What health is judged by; None and 0 where the database did not answer."""

    database: bool
    broker: bool
    broker_since: datetime | None
    """Since when the broker is there, or away; None: since the start."""
    blocked_since: datetime | None = None
    """Since when the broker is there and takes no message; None: it takes them."""
    overdue_since: datetime | None = None
    """The oldest due instant or request that no scheduler has decided."""
    executors: int = 0
    executors_online: int = 0
    executors_left: int = 0
    """Of all, those that drained and said goodbye."""
    ailing: tuple[str, ...] = ()
    """Those that are online and take no runs because of their own problems."""
    last_seen_at: datetime | None = None
    waiting: int = 0
    running: int = 0
    holds: Holds = field(default_factory=Holds)
    unserved: tuple[Unserved, ...] = ()
    offers: Mapping[str, MinSandbox] = field(default_factory=dict)
    parked: int = 0


async def facts(
    session: AsyncSession, *, broker: bool, broker_since: datetime | None, now: datetime
) -> Facts:
    """Ask the ledger; bounded by its indexes, not by how much it holds."""
    cursor = await session.scalar(select(func.min(CursorRow.next_due_at)))
    request = await session.scalar(
        select(func.min(RequestRow.requested_at)).where(RequestRow.handled_at.is_(None))
    )
    known, online, left, last_seen = (
        await session.execute(
            select(
                func.count(),
                func.count().filter(ExecutorRow.online.is_(True)),
                func.count().filter(HAS_LEFT),
                func.max(ExecutorRow.last_seen_at),
            ).select_from(ExecutorRow)
        )
    ).one()
    counting = select(func.count()).select_from(RunRow)
    waiting = await session.scalar(counting.where(is_waiting(now)))
    running = await session.scalar(counting.where(RunRow.state == RunState.RUNNING))
    held = await open_holds(session)
    # Who was told to take no more is draining, whatever else is wrong with it.
    drained = held.drained(now)
    ailing = (one.name for one in await executors(session) if one.is_ailing and one.name not in drained)
    oldest = min((at for at in (cursor, request) if at is not None), default=None)
    return Facts(
        database=True,
        broker=broker,
        broker_since=broker_since,
        overdue_since=oldest if oldest is not None and oldest < now - SILENCE else None,
        executors=known,
        executors_online=online,
        executors_left=left,
        ailing=tuple(ailing),
        last_seen_at=last_seen,
        waiting=waiting or 0,
        running=running or 0,
        holds=held,
        unserved=await unserved_pools(session, now=now),
        offers=await offers_of_pools(session),
        parked=await parked_count(session),
    )


def judged(known: Facts, *, now: datetime) -> Health:
    """Return the word on these facts; of several faults the one that explains the others is told."""
    state, title, sentence, since = _verdict(known, now)
    return Health(
        state=state,
        title=title,
        sentence=sentence,
        since=since,
        database=known.database,
        broker=known.broker,
        scheduler=known.database and known.overdue_since is None,
        executors_online=known.executors_online,
        ailing=known.ailing,
        waiting=known.waiting,
        running=known.running,
        freeze=_freeze(known, now),
        paused_pools=tuple(sorted(known.holds.paused_pools(now))),
        unserved=known.unserved,
        offers=dict(known.offers),
        parked=known.parked,
    )


def _freeze(known: Facts, now: datetime) -> Freeze | None:
    hold = known.holds.freeze(now)
    if hold is None or hold.ends_at is None:
        return None
    return Freeze(since=hold.begun_at, by=hold.begun_by, until=hold.ends_at)


def _verdict(known: Facts, now: datetime) -> tuple[HealthState, str, str, datetime | None]:
    if not known.database:
        return (
            HealthState.DOWN,
            "Database does not answer",
            "The database does not answer: nothing can be shown or changed. Runs that are going, go on.",
            None,
        )
    if (away := _broker(known, now)) is not None:
        title, sentence, since = away
        return (HealthState.DEGRADED, title, sentence, since)
    if known.overdue_since is not None:
        return (
            HealthState.DEGRADED,
            "Scheduler is silent",
            f"The scheduler {_for('has decided nothing', known.overdue_since, now)}. {_FORGETS_NOTHING}",
            known.overdue_since,
        )
    if (fault := _executors(known, now)) is not None:
        title, sentence, since = fault
        return (HealthState.DEGRADED, title, sentence, since)
    # Somebody wants it so: it is said in a banner of its own, and nothing is wrong.
    title = "All systems go" if known.holds.freeze(now) is None else "Frozen"
    return (HealthState.OK, title, "", None)


def _broker(known: Facts, now: datetime) -> tuple[str, str, datetime | None] | None:
    if not known.broker:
        said = f"RabbitMQ {_for('has not answered', known.broker_since, now)}."
        return "RabbitMQ is away", f"{said} {_waiting(known.waiting)}", known.broker_since
    if known.blocked_since is not None:
        said = f"RabbitMQ {_for('has taken no message', known.blocked_since, now)}."
        why = "It lacks memory or disk: look at `rabbitmqctl status`."
        return "RabbitMQ is blocked", f"{said} {why} {_waiting(known.waiting)}", known.blocked_since
    return None


def _executors(known: Facts, now: datetime) -> tuple[str, str, datetime | None] | None:
    if known.executors_online == 0:
        return "No executor", _no_executor(known, now), known.last_seen_at
    if len(known.ailing) == known.executors_online:
        return "No executor takes runs", _ailing(known), None
    if known.unserved:
        return _unserved_title(known), _unserved(known), None
    if known.ailing:
        return _ailing_title(known), _ailing(known), None
    return None


def _unserved_title(known: Facts) -> str:
    dead = [one for one in known.unserved if one.min_sandbox is MinSandbox.ANY]
    if not dead:
        return "Level not offered"
    return "Pool without executor" if len(dead) == 1 else "Pools without executor"


def _unserved(known: Facts) -> str:
    dead = [one for one in known.unserved if one.min_sandbox is MinSandbox.ANY]
    said = [f"No executor serves {one.pool}: {_runs_wait(one.waiting)}." for one in dead]
    if dead:
        said.append("Start an executor that serves it, or give the jobs another pool.")
    for one in known.unserved:
        if one.min_sandbox is not MinSandbox.ANY:
            said.append(f"No executor of {one.pool} offers {one.min_sandbox}: {_runs_wait(one.waiting)}.")
            said.append(f"{HOW_TO_OFFER[one.min_sandbox]}, or lower the jobs' minimum.")
    return " ".join(said)


def _ailing_title(known: Facts) -> str:
    count = len(known.ailing)
    return "1 executor takes no runs" if count == 1 else f"{count} executors take no runs"


def _ailing(known: Facts) -> str:
    if len(known.ailing) < known.executors_online:
        named = f"{' and '.join(known.ailing[:2])}{' and others' if known.ailing[2:] else ''}"
        takes = "take" if known.ailing[1:] else "takes"
        return f"{named} {takes} no runs; the others go on. The page Executors says why."
    return f"No executor takes runs. The page Executors says why. {_waiting(known.waiting)}"


def _no_executor(known: Facts, now: datetime) -> str:
    if known.executors == 0:
        return f"No executor has reported yet. {_waiting(known.waiting)}"
    if known.executors == known.executors_left and known.last_seen_at is not None:
        ago = f"{_duration(now - known.last_seen_at)} ago"
        return f"Every executor has left, the last {ago}. {_waiting(known.waiting)}"
    return f"No executor {_for('has reported', known.last_seen_at, now)}. {_waiting(known.waiting)}"


def _for(what: str, since: datetime | None, now: datetime) -> str:
    return f"{what} yet" if since is None else f"{what} for {_duration(now - since)}"


def _duration(passed: timedelta) -> str:
    seconds = max(0, int(passed.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _runs_wait(count: int) -> str:
    return "1 run waits" if count == 1 else f"{count:,} runs wait"


def _waiting(count: int) -> str:
    match count:
        case 0:
            return "No run is waiting."
        case 1:
            return "1 run is waiting; it is not lost."
        case _:
            return f"{count:,} runs are waiting; none is lost."
