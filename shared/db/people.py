"""How each browser wants to see the portal."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.tables import PersonRow


async def person_of(session: AsyncSession, person_id: UUID) -> PersonRow | None:
    """Return the stored preferences, or None for an unknown browser."""
    return await session.scalar(select(PersonRow).where(PersonRow.id == person_id))


async def save(session: AsyncSession, person: PersonRow, *, now: datetime) -> None:
    """Store the preferences in place of earlier ones."""
    person.updated_at = now
    await session.merge(person)
