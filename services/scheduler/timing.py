"""Goes by the database's clock: schedulers on several machines plan by one time, whatever their own say."""

from contextlib import suppress

import structlog

from shared.db.engine import LOCKED_OR_DOWN, Sessions
from shared.db.schema import database_now
from shared.runtime.clock import DistantClock

log = structlog.get_logger()

_LOOK_S = 5.0
_CONFIRM_S = 0.5
"""So soon a look is repeated that shows a jump: nothing is planned meanwhile."""
_LOOKS = 3


async def keep_time(clock: DistantClock, reading: Sessions) -> None:
    """Look at the database's clock until cancelled; while it is down our own monotonic clock carries on."""
    was_steady = True
    while True:
        with suppress(*LOCKED_OR_DOWN):  # who writes says so
            await look(clock, reading)
        if clock.steady is not was_steady:
            was_steady = clock.steady
            log.warning("planning goes on" if was_steady else "the database's clock jumped: not planning")
        await clock.sleep(_LOOK_S if clock.steady else _CONFIRM_S)


async def first_look(clock: DistantClock, reading: Sessions) -> bool:
    """Set the clock, as soon as the database answers; then return True."""
    while not clock.steady:
        try:
            await look(clock, reading)
        except LOCKED_OR_DOWN as error:
            log.warning("waiting for the database", error=str(error.__cause__ or error))
            await clock.sleep(_CONFIRM_S)
    return True


async def look(clock: DistantClock, reading: Sessions) -> None:
    """Set the clock by the quickest of a few answers.

    Raises:
        sqlalchemy.exc.OperationalError: the database does not answer.
    """
    answers = []
    async with reading.begin() as session:
        for _ in range(_LOOKS):
            asked_at = clock.monotonic()
            theirs = await database_now(session)
            answers.append((clock.monotonic() - asked_at, asked_at, theirs))
    took_s, asked_at, theirs = min(answers)
    clock.look(theirs, asked_at=asked_at, answered_at=asked_at + took_s)
