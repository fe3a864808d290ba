"""Shared limits: who holds a place and who waits for one, as the attempts themselves say it.

No counter is kept, so none can be wrong: an attempt that runs under a key is the place that it holds, and
one that is queued under a key is in its line. Who grants takes the key's lock first (`shared.db.locks`),
then counts, and grants in the same transaction.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Integer, and_, bindparam, delete, false, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.attempts import AttemptView
from shared.db.locks import lock_jobs
from shared.db.statements import changed, changed_where, insert_all, table_of
from shared.db.tables import AttemptRow, JobRow, LimitRow, RunRow
from shared.db.waiting import WAITING, Waiting
from shared.domain.job import OnLost
from shared.domain.limits import USUAL_MAXIMUM, Places, Turn
from shared.domain.run import RunState

KEPT_FOR = timedelta(seconds=5)
"""So long after its message left a place is kept for an attempt that nobody claims, and as long after it was
let in for one whose message does not leave. Then others may go first: its pool may have no slot for hours."""

_ATTEMPTS = table_of(AttemptRow)
_JOBS = table_of(JobRow)
_LIMITS = table_of(LimitRow)
_RUNS = table_of(RunRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What people set for a key."""

    key: str
    maximum: int
    set_by: str
    set_at: datetime


async def limits(session: AsyncSession) -> list[Limit]:
    """Return what people set, by key; a key that is not among them has the usual maximum."""
    rows = await session.execute(select(*_LIMITS.c).order_by(_LIMITS.c.key))
    return [Limit(**values) for values in rows.mappings()]


async def set_maximum(session: AsyncSession, limit: Limit) -> None:
    """Let the key have this maximum from now on; what runs beyond it runs on.

    Raises:
        sqlalchemy.exc.IntegrityError: somebody set it for the first time at the same moment.
    """
    values = {"maximum": limit.maximum, "set_by": limit.set_by, "set_at": limit.set_at}
    if not await changed_where(session, LimitRow, {"key": limit.key}, values):
        await insert_all(session, LimitRow, [{"key": limit.key, **values}])


async def forget_maximum(session: AsyncSession, key: str) -> bool:
    """Let the key have the usual maximum again; return whether it had another."""
    return await changed(session, delete(LimitRow).where(LimitRow.key == key)) > 0


async def places_of(
    session: AsyncSession, keys: Collection[str], *, but_of: Collection[str], now: datetime
) -> dict[str, Places]:
    """Return how these keys stand; what waits for the pools `but_of` is not in line."""
    standing = await _standing(session, keys, but_of=but_of, now=now)
    return {
        places.key: replace(places, line=tuple(_turn_of(one) for one in line)) for places, line in standing
    }


async def wait_in_line(session: AsyncSession, attempt: AttemptView, key: str) -> bool:
    """Let a queued attempt that was refused wait for a place, under the next token; False: it has gone."""
    # It was said before: what waits by its rule is not late, and is not to be judged as if it were.
    said = {"published_at": None, "publish_count": 1, "let_in_at": None}
    values = {"token": attempt.token + 1, "limit_key": key, **said}
    waiting = {"id": attempt.id, "token": attempt.token, "state": RunState.QUEUED}
    return await changed_where(session, AttemptRow, waiting, values) == 1


async def let_in(session: AsyncSession, *, but_of: Collection[str], now: datetime) -> list[Waiting]:
    """Let in those in line for whom a place is free, and return them: each once.

    Also those that wait for a key that their job does not name any more.
    """
    keys = list(await session.scalars(_KEYS_WITH_LINE))
    if not keys:
        return []
    standing = await _standing(session, keys, but_of=but_of, now=now)
    strays = (await session.execute(_STRAYS, {"but_of": list(but_of)})).mappings()
    first = [one for _, line in standing for one in line] + [Waiting(**values) for values in strays]
    unsaid = [one for one in first if one.published_at is None]
    await lock_jobs(session, {one.job_id for one in unsaid})
    # What went meanwhile, or was let in by another scheduler, is not changed.
    return [one for one in unsaid if await changed(session, _LET_IN, _at(one, now))]


async def _standing(
    session: AsyncSession, keys: Collection[str], *, but_of: Collection[str], now: datetime
) -> list[tuple[Places, list[Waiting]]]:
    """Return each key with as many of its line as it has places free."""
    if not keys:
        return []
    in_use = await session.execute(_IN_USE, {"keys": list(keys), "now": now})
    used = {row[0]: row[1] for row in in_use}
    maxima = {row[0]: row[1] for row in await session.execute(_MAXIMA, {"keys": list(keys)})}
    found: list[tuple[Places, list[Waiting]]] = []
    for key in sorted(keys):
        places = Places(key=key, maximum=maxima.get(key, USUAL_MAXIMUM), in_use=used.get(key, 0))
        asked = {"key": key, "but_of": list(but_of), "since": now - KEPT_FOR, "most": places.free}
        rows = (await session.execute(_LINE, asked)).mappings() if places.free else ()
        found.append((places, [Waiting(**values) for values in rows]))
    return found


def _at(one: Waiting, now: datetime) -> dict[str, object]:
    return {"an_id": one.id, "a_token": one.token, "an_instant": now}


def _turn_of(one: Waiting) -> Turn:
    return Turn.of(urgent=one.urgent, due_at=one.due_at, id_=one.id)


def holds_place(now: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Say of an attempt with a key whether it counts: it runs, or may, for all that we know.

    Lost, it counts until it must have ended; but not if its keeper killed it at the end of its lease, as
    it does unless a loss is the end of the run, nor once its own executor has said that it is over.
    """
    may_run = and_(
        _ATTEMPTS.c.state == RunState.LOST,
        _ATTEMPTS.c.on_lost == OnLost.FAIL,
        _ATTEMPTS.c.settled == false(),
        _ATTEMPTS.c.may_run_until > now,
    )
    return or_(_ATTEMPTS.c.state == RunState.RUNNING, may_run)


# Built once: claims ask.
_KEY = _ATTEMPTS.c.limit_key
_HAS_KEY = _ATTEMPTS.c.limit_key > ""
"""More than that it is not NULL: by a range SQLite sees that the index on keys serves better than others."""
_IN_USE = (
    select(_KEY, func.count())
    .where(
        _KEY.in_(bindparam("keys", expanding=True)),
        _ATTEMPTS.c.state.in_((RunState.RUNNING, RunState.LOST)),
        holds_place(bindparam("now", type_=_ATTEMPTS.c.may_run_until.type)),
    )
    .group_by(_KEY)
)
_MAXIMA = select(_LIMITS.c.key, _LIMITS.c.maximum).where(_LIMITS.c.key.in_(bindparam("keys", expanding=True)))
_KEYS_WITH_LINE = select(_KEY).where(_HAS_KEY, _ATTEMPTS.c.state == RunState.QUEUED).distinct().order_by(_KEY)
_WAITING = WAITING.where(_ATTEMPTS.c.pool.not_in(bindparam("but_of", expanding=True)))
_SINCE = bindparam("since", type_=_ATTEMPTS.c.let_in_at.type)
_KEPT_SINCE = func.coalesce(_ATTEMPTS.c.published_at, _ATTEMPTS.c.let_in_at)
_LINE = (
    _WAITING.where(
        _ATTEMPTS.c.limit_key == bindparam("key"),
        or_(_KEPT_SINCE.is_(None), _KEPT_SINCE > _SINCE),
    )
    .order_by(_ATTEMPTS.c.urgent.desc(), _ATTEMPTS.c.due_at, _ATTEMPTS.c.id)
    .limit(bindparam("most", type_=Integer()))
)
_STRAYS = _WAITING.where(
    _HAS_KEY,
    or_(_JOBS.c.limit_key.is_(None), _JOBS.c.limit_key != _KEY),
    _ATTEMPTS.c.let_in_at.is_(None),
).limit(1_000)
_LET_IN = (
    update(_ATTEMPTS)
    .where(
        _ATTEMPTS.c.id == bindparam("an_id"),
        _ATTEMPTS.c.token == bindparam("a_token"),
        _ATTEMPTS.c.state == RunState.QUEUED,
        _ATTEMPTS.c.let_in_at.is_(None),
    )
    .values(let_in_at=bindparam("an_instant"))
)
