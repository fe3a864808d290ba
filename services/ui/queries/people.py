"""How a browser wants to see the portal."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.language import Language
from services.ui.models import Density, Person, Theme
from services.ui.settings import default_zone
from shared.db import people


async def person(session: AsyncSession, person_id: UUID | None) -> Person:
    """Return the stored preferences; the defaults for an unknown browser."""
    row = None if person_id is None else await people.person_of(session, person_id)
    if row is None:
        return Person(zone=default_zone())
    return Person(
        zone=row.zone,
        theme=Theme(row.theme),
        density=Density(row.density),
        language=Language(row.language),
    )
