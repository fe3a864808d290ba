"""Which jobs a wish for many is for, and what would become of it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.many import BulkAction, BulkPreview, Foreseen, LeftOut, Wish, seen_of
from services.ui.queries.jobs_page import JobsFilter, ids_of_all
from shared.db.statements import pieces
from shared.db.tables import JobRow
from shared.db.tags import tags_by_job
from shared.domain.errors import InvalidInput
from shared.domain.ids import JobId
from shared.domain.parameters import checked_values, parameters_from_json

MOST = 5_000
"""So many jobs are taken at once."""
_NAMED = 3
_ASKS = "Asks for values: run it from its own page."


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Jobs that somebody marked, or all that match."""

    ids: tuple[JobId, ...] = ()
    matching: JobsFilter | None = None
    """None: the marked ones."""


async def chosen_ids(session: AsyncSession, chosen: Chosen, *, foreseen: Foreseen) -> tuple[JobId, ...]:
    """Return the jobs that are meant.

    Raises:
        InvalidInput: they are too many.
        Conflict: others match by now than were foreseen.
    """
    ids = chosen.ids
    if chosen.matching is not None:
        ids = await ids_of_all(session, chosen.matching, most=MOST + 1)
    if len(ids) > MOST:
        raise InvalidInput("jobs", f"These are more than {MOST:,} jobs. Search or filter for fewer of them.")
    foreseen.check(ids, "jobs")
    return ids


async def preview(session: AsyncSession, chosen: Chosen, wish: Wish) -> BulkPreview:
    """Say what the wish would do to which jobs."""
    ids = await chosen_ids(session, chosen, foreseen=Foreseen())
    left: dict[str, list[str]] = defaultdict(list)
    known = 0
    for piece in pieces(ids):
        rows = await session.execute(
            select(JobRow.id, JobRow.name, JobRow.paused_at, JobRow.deleted_at, JobRow.parameters)
            .where(JobRow.id.in_(piece))
            .order_by(JobRow.name_key)
        )
        tags = await tags_by_job(session, piece) if wish.tags else {}
        for row in rows:
            known += 1
            if (why := _why_not(row, wish, tags.get(row.id, ()))) is not None:
                left[why].append(row.name)
    return BulkPreview(
        count=len(ids),
        seen=seen_of(ids),
        would=known - sum(map(len, left.values())),
        left_out=_told(left, gone=len(ids) - known),
    )


def _told(left: dict[str, list[str]], *, gone: int) -> tuple[LeftOut, ...]:
    told = [LeftOut(why=why, count=len(names), names=tuple(names[:_NAMED])) for why, names in left.items()]
    return tuple([*told, LeftOut(why="There is no such job.", count=gone, names=())] if gone else told)


def _why_not(row: Any, wish: Wish, tags: Sequence[str]) -> str | None:
    is_deleted = row.deleted_at is not None
    if is_deleted and wish.action not in {BulkAction.DELETE, BulkAction.RESTORE}:
        return "Deleted."
    is_so, why = {
        BulkAction.RUN: (wish.action is BulkAction.RUN and _needs_values(row), _ASKS),
        BulkAction.PAUSE: (row.paused_at is not None, "Paused already."),
        BulkAction.RESUME: (row.paused_at is None, "Not paused."),
        BulkAction.DELETE: (is_deleted, "Deleted already."),
        BulkAction.RESTORE: (not is_deleted, "Not deleted."),
        BulkAction.TAG: ({*tags} >= {*wish.tags}, "Tagged so already."),
        BulkAction.UNTAG: ({*tags}.isdisjoint(wish.tags), "Without this tag."),
    }[wish.action]
    return why if is_so else None


def _needs_values(row: Any) -> bool:
    try:
        checked_values(parameters_from_json(row.parameters), {})
    except InvalidInput:
        return True
    return False
