"""Keeping searches under names, for the browser that they were made in."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from services.ui.access import demand
from services.ui.commands import people
from services.ui.models import Person
from shared.db import views
from shared.db.engine import Sessions
from shared.db.people import person_of
from shared.db.tables import ViewRow
from shared.domain.access import Role
from shared.domain.errors import InvalidInput, NotFound
from shared.runtime.clock import Clock

MOST = 50
MAX_NAME = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """The views of one browser; another one may look at them and not change them."""

    sessions: Sessions
    clock: Clock

    async def keep(
        self, person_id: UUID | None, usual: Person, name: str, question: dict[str, Any]
    ) -> tuple[UUID, UUID]:
        """Keep a search; return whose it is and its id. A browser that was unknown is kept with `usual`.

        Raises:
            InvalidInput: the name is empty or too long, or there are 50 already.
        """
        demand(Role.VIEWER)
        called, now = _checked_name(name), self.clock.now()
        async with self.sessions.begin() as session:
            is_known = person_id is not None and await person_of(session, person_id) is not None
        if not is_known:
            person_id = await people.save(self.sessions, person_id, usual, now=now)
        assert person_id is not None
        # Random: who is not told the address of a view does not find it.
        view = ViewRow(id=uuid4(), person_id=person_id, name=called, question=question, created_at=now)
        async with self.sessions.begin() as session:
            if await views.count_of(session, person_id) >= MOST:
                raise InvalidInput("name", f"You keep {MOST} views already. Delete one first.")
            session.add(view)
        return person_id, view.id

    async def rename(self, person_id: UUID | None, view_id: UUID, name: str) -> None:
        """Call a view otherwise.

        Raises:
            InvalidInput: the name is empty or too long.
            NotFound: this browser keeps no such view.
        """
        demand(Role.VIEWER)
        called = _checked_name(name)
        async with self.sessions.begin() as session:
            if person_id is None or not await views.rename(session, view_id, called, person_id=person_id):
                raise NotFound("You keep no such view.")

    async def remove(self, person_id: UUID | None, view_id: UUID) -> None:
        """Forget a view; one that is gone, or another's, is left as it is."""
        demand(Role.VIEWER)
        if person_id is not None:
            async with self.sessions.begin() as session:
                await views.remove(session, view_id, person_id=person_id)


def _checked_name(name: str) -> str:
    called = name.strip()
    if not 0 < len(called) <= MAX_NAME:
        raise InvalidInput("name", f"Give the view a name of at most {MAX_NAME} characters.")
    return called
