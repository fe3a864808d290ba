"""Grants places of shared limits, and lets in those that wait as places become free."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.ledger import Ledger
from shared.db.attempts import AttemptView, Waiting
from shared.db.holds import open_holds
from shared.db.limits import let_in, places_of, wait_in_line
from shared.db.locks import lock_limits
from shared.domain.holds import Holds
from shared.domain.ids import AttemptId
from shared.domain.limits import Places, Turn

SWEEP_S = 3.0
"""So long a place stays free whose end nobody noticed here: a lost run's last instant, another's maximum."""
_SAY_AGAIN_AFTER_S = 2.0
"""By then what was let in is marked as published, or was dropped and is to be said again."""


async def places_for(
    session: AsyncSession, attempts: Iterable[AttemptView], holds: Holds, *, now: datetime
) -> dict[str, Places]:
    """Lock the shared limits of these attempts' jobs, and return how they stand then."""
    keys = {one.job_limit_key for one in attempts if one.job_limit_key is not None}
    await lock_limits(session, keys)
    return await places_of(session, keys, but_of=holds.paused_pools(now).keys(), now=now)


async def kept_in_line(session: AsyncSession, attempt: AttemptView, places: dict[str, Places]) -> str | None:
    """Return why there is no place for the attempt, which waits for one then; None: there is."""
    key = attempt.job_limit_key
    refusal = None if key is None else places[key].refusal(turn_of(attempt))
    if key is not None and refusal is not None:
        await wait_in_line(session, attempt, key)
    return refusal


def turn_of(attempt: AttemptView) -> Turn:
    """Return the place of this attempt in a line."""
    return Turn.of(urgent=attempt.urgent, due_at=attempt.due_at, id_=attempt.id)


class Doorkeeper:
    """One loop that publishes anew what waits for a place, as many as there are places free."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._clock = ledger.clock
        self._said: dict[tuple[AttemptId, int], float] = {}

    async def run(self) -> None:
        """Look until cancelled: whenever a place may have become free, and every `SWEEP_S`."""
        while True:
            await self.look()
            await self._ledger.room.wait(self._clock, SWEEP_S)

    async def look(self) -> None:
        """Let in those for whom there is room now."""
        now = self._clock.now()
        waiting = await self._ledger.write(lambda session, _: _let_in(session, now=now))
        self._ledger.attempts.put(now, self._unsaid(waiting))

    def _unsaid(self, waiting: Collection[Waiting]) -> list[Waiting]:
        now = self._clock.monotonic()
        self._said = {one: at for one, at in self._said.items() if now - at < _SAY_AGAIN_AFTER_S}
        fresh = [one for one in waiting if (one.id, one.token) not in self._said]
        self._said.update({(one.id, one.token): now for one in fresh})
        return fresh


async def _let_in(session: AsyncSession, *, now: datetime) -> list[Waiting]:
    holds = await open_holds(session)
    if holds.freeze(now) is not None:
        return []
    return await let_in(session, but_of=holds.paused_pools(now).keys(), now=now)
