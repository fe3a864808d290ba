"""Grants places of shared limits, and lets in those that wait as places become free."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.ledger import Ledger
from shared.db.attempts import AttemptView
from shared.db.holds import open_holds
from shared.db.limits import let_in, places_of, wait_in_line
from shared.db.locks import lock_limits
from shared.db.waiting import Waiting
from shared.domain.holds import Holds
from shared.domain.limits import Places, Turn

SWEEP_S = 3.0
"""So long a place stays free whose end nobody noticed here: a lost run's last instant, another's maximum."""


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

    async def run(self) -> None:
        """Look until cancelled: whenever a place may have become free, and every `SWEEP_S`."""
        while True:
            await self.look()
            await self._ledger.room.wait(self._clock, SWEEP_S)

    async def look(self) -> None:
        """Let in those for whom there is room now; what does not get out then, a sweep of the relay finds."""
        now = self._clock.now()
        waiting = await self._ledger.write(lambda session, _: _let_in(session, now=now))
        self._ledger.attempts.put(now, waiting)


async def _let_in(session: AsyncSession, *, now: datetime) -> list[Waiting]:
    holds = await open_holds(session)
    if holds.freeze(now) is not None:
        return []
    return await let_in(session, but_of=holds.paused_pools(now).keys(), now=now)
