"""The searches that people keep, and one that somebody was told of."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from shared.db import views
from shared.db.engine import Database
from shared.db.tables import ViewRow
from shared.domain.errors import NotFound


class ViewItem(msgspec.Struct, frozen=True, kw_only=True):
    """A search of the jobs list under a name."""

    id: UUID
    name: str
    question: dict[str, Any]
    """`q`, `state`, `tag` and `sort`, as the list of jobs takes them; what is not asked is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptViews:
    """What is asked about views."""

    database: Database

    async def of(self, person_id: UUID | None) -> tuple[ViewItem, ...]:
        """Return what this browser keeps, by name."""
        if person_id is None:
            return ()
        async with self.database.reading() as session:
            found = [_item(row) for row in await views.views_of(session, person_id)]
        return tuple(sorted(found, key=lambda view: view.name.casefold()))

    async def view(self, view_id: UUID) -> ViewItem:
        """Return a view, whoever keeps it.

        Raises:
            NotFound: it is deleted, or never was.
        """
        async with self.database.reading() as session:
            row = await views.view_by_id(session, view_id)
        if row is None:
            raise NotFound("There is no such view any more.")
        return _item(row)


def _item(row: ViewRow) -> ViewItem:
    return ViewItem(id=row.id, name=row.name, question=row.question)
