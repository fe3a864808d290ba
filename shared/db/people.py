"""How each browser wants to see the portal."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.tables import PersonRow


async def person_of(session: AsyncSession, person_id: UUID) -> PersonRow | None:
    """Return the stored preferences, or None for an unknown browser."""
    return await session.scalar(select(PersonRow).where(PersonRow.id == person_id))


async def save(session: AsyncSession, person: PersonRow, *, now: datetime) -> None:
    """Store the preferences in place of earlier ones; of two tabs that save at once the last one wins."""
    person.updated_at = now
    values = {column.key: getattr(person, column.key) for column in PersonRow.__table__.columns}
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    await session.execute(
        insert(PersonRow).values(values).on_conflict_do_update(index_elements=["id"], set_=values)
    )
