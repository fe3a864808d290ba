"""Keeping how a browser wants to see the portal."""

from datetime import datetime
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from services.ui.models import Person
from shared.db import people
from shared.db.engine import Sessions
from shared.db.tables import PersonRow
from shared.domain.errors import InvalidInput


async def save(sessions: Sessions, person_id: UUID | None, person: Person, *, now: datetime) -> UUID:
    """Store the preferences; see `Commands.save_person`."""
    _check_zone(person.zone)
    # Random, not ordered by time: it is the only thing that tells browsers apart, and must not be guessed.
    known = person_id or uuid4()
    row = PersonRow(
        id=known,
        zone=person.zone,
        theme=person.theme.value,
        density=person.density.value,
        language=person.language.value,
        updated_at=now,
    )
    async with sessions.begin() as session:
        await people.save(session, row, now=now)
    return known


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidInput(
            "zone", f"{zone[:64]!r} is no time zone. Choose one such as Asia/Hong_Kong."
        ) from error
