"""Deliveries that wait together share a transaction; one that cannot be handled is parked alone."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.ledger import Effects, Ledger
from shared.broker import Delivery

log = structlog.get_logger()

Result = TypeVar("Result")


async def handled_together(
    ledger: Ledger,
    deliveries: list[Delivery],
    handle: Callable[[AsyncSession, Effects, list[Delivery]], Awaitable[list[Result]]],
) -> list[tuple[Delivery, Result]]:
    """Handle the deliveries in one transaction and return each with its result; none is acked here.

    When that fails they are handled one by one, so that the one at fault, which is parked, takes no
    other with it. A database that is locked or down is no fault: the ledger waits for it.

    Raises:
        sqlalchemy.exc.DBAPIError: the database refuses what is in no message: a right or a table is missing,
            or it is broken. The next messages would fare no better: they stay in the queue.
    """
    try:
        results = await ledger.write(lambda session, effects: handle(session, effects, deliveries))
    except Exception as error:
        if isinstance(error, DBAPIError) and not isinstance(error, DataError | IntegrityError):
            raise
        # The boundary of a message: whatever it does to us, the messages beside it must go on.
        if len(deliveries) == 1:
            log.exception("message could not be handled", message_id=str(deliveries[0].message.id))
            await deliveries[0].park(f"{type(error).__name__}: {error}")
            return []
    else:
        return list(zip(deliveries, results, strict=True))
    return [pair for delivery in deliveries for pair in await handled_together(ledger, [delivery], handle)]
