"""What the schedulers remember between starts: a few named values."""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import changed, insert_all
from shared.db.tables import LedgerFactRow


async def fact(session: AsyncSession, name: str) -> str | None:
    """Return the value under this name; None: it was never stored."""
    return await session.scalar(select(LedgerFactRow.value).where(LedgerFactRow.name == name))


async def store_fact(session: AsyncSession, name: str, value: str) -> None:
    """Store the value under this name, in place of what was there."""
    statement = update(LedgerFactRow).where(LedgerFactRow.name == name)
    if not await changed(session, statement.values(value=value)):
        await insert_all(session, LedgerFactRow, [{"name": name, "value": value}])
