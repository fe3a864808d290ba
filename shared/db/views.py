"""The searches that people keep under a name."""

from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import changed
from shared.db.tables import ViewRow


async def views_of(session: AsyncSession, person_id: UUID) -> list[ViewRow]:
    """Return what a person has kept, oldest first."""
    return list(
        await session.scalars(select(ViewRow).where(ViewRow.person_id == person_id).order_by(ViewRow.id))
    )


async def view_by_id(session: AsyncSession, view_id: UUID) -> ViewRow | None:
    """Return one, whoever keeps it."""
    return await session.scalar(select(ViewRow).where(ViewRow.id == view_id))


async def count_of(session: AsyncSession, person_id: UUID) -> int:
    """Return how many a person keeps."""
    return await session.scalar(select(func.count()).where(ViewRow.person_id == person_id)) or 0


async def rename(session: AsyncSession, view_id: UUID, name: str, *, person_id: UUID) -> bool:
    """Call it otherwise; False when this person keeps no such view."""
    own = (ViewRow.id == view_id, ViewRow.person_id == person_id)
    return await changed(session, update(ViewRow).where(*own).values(name=name)) == 1


async def remove(session: AsyncSession, view_id: UUID, *, person_id: UUID) -> None:
    """Forget it, where this person keeps it."""
    await session.execute(delete(ViewRow).where(ViewRow.id == view_id, ViewRow.person_id == person_id))
