"""Many commands in one transaction: kept together, or not at all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.engine import Sessions
from shared.domain.ids import RequestId


class Asked:
    """Takes the wake-ups of a transaction, to be said when it is stored."""

    def __init__(self) -> None:
        self.ids: list[RequestId] = []

    def requested(self, request_id: RequestId) -> None:
        """Keep it until then."""
        self.ids.append(request_id)


def within(session: AsyncSession) -> Sessions:
    """Return what begins parts of this transaction, where a command would begin one of its own."""

    class Within:
        @asynccontextmanager
        async def begin(self) -> AsyncIterator[AsyncSession]:
            async with session.begin_nested():
                yield session

    return cast("Sessions", Within())
