"""Doing once what a program asks for again, because it did not hear the answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import once as onces
from shared.db.engine import Sessions
from shared.db.once import Once
from shared.domain.errors import Conflict, InvalidInput

FIELD = "Idempotency-Key"


class MadeBefore(Exception):  # noqa: N818 - no error: the same request was answered before
    """What a request asks for was made when it came the first time."""

    def __init__(self, made: UUID) -> None:
        super().__init__(str(made))
        self.made = made


@asynccontextmanager
async def begin(
    sessions: Sessions, once: Once | None, made: UUID, *, now: datetime
) -> AsyncIterator[AsyncSession]:
    """Begin the transaction that makes something, under this id.

    Raises:
        MadeBefore: the request was answered before.
        InvalidInput: another request came with its key.
        Conflict: the same one is being answered at this moment.
    """
    async with sessions.begin() as session:
        if once is not None:
            await _refuse_known(session, once)
            try:
                await onces.keep(session, once, made, now=now)
            except IntegrityError as error:
                raise Conflict("The same request is being answered at this moment. Send it again.") from error
        yield session


async def _refuse_known(session: AsyncSession, once: Once) -> None:
    before = await onces.made_by(session, once)
    if before is None:
        return
    asked, made = before
    if asked != once.asked:
        raise InvalidInput(FIELD, "Another request came with this key. Choose a new key for each request.")
    raise MadeBefore(made)
