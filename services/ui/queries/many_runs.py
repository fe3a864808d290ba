"""Which runs a wish for many is for, and what would become of it."""

from collections import defaultdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.many import BulkPreview, Foreseen, LeftOut, RunsAction, seen_of
from services.ui.queries.runs import RunsFilter, chosen, searched
from shared.db.tables import JobRow, RunRow
from shared.domain.errors import InvalidInput
from shared.domain.ids import RunId
from shared.domain.run import FINAL

MOST = 1_000
"""So many runs are taken at once."""
_LOOKED_AT = 200_000
_NAMED = 3


async def chosen_runs(session: AsyncSession, which: RunsFilter, *, foreseen: Foreseen) -> tuple[RunId, ...]:
    """Return the runs that match, the oldest first.

    Raises:
        InvalidInput: they are too many.
        Conflict: others match by now than were foreseen.
    """
    rows = await _rows(session, which)
    ids = tuple(RunId(row.id) for row in reversed(rows))
    foreseen.check(ids, "runs")
    return ids


async def preview(session: AsyncSession, which: RunsFilter, action: RunsAction) -> BulkPreview:
    """Say what the wish would do to which runs."""
    rows = await _rows(session, which)
    left: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if (why := _why_not(row, action)) is not None:
            left[why].append(f"{row.name} #{row.number}")
    told = [LeftOut(why=why, count=len(names), names=tuple(names[:_NAMED])) for why, names in left.items()]
    return BulkPreview(
        count=len(rows),
        seen=seen_of(row.id for row in rows),
        would=len(rows) - sum(map(len, left.values())),
        left_out=tuple(told),
    )


async def _rows(session: AsyncSession, which: RunsFilter) -> list[Any]:
    columns = (RunRow.id, RunRow.number, RunRow.state, RunRow.instants, JobRow.name, JobRow.deleted_at)
    query = select(*columns).join(JobRow, JobRow.id == RunRow.job_id)
    found = await searched(session, which, most=_LOOKED_AT)
    rows = list(await session.execute(chosen(query, which, found, limit=MOST + 1)))
    if len(rows) > MOST:
        raise InvalidInput(
            "runs", f"These are more than {MOST:,} runs. Choose a shorter time, a reason or one job."
        )
    if found.edge is not None:
        raise InvalidInput(
            "q", f"More than {_LOOKED_AT:,} runs would have to be looked through. Choose a shorter time."
        )
    return rows


def _why_not(row: Any, action: RunsAction) -> str | None:
    if action is RunsAction.CANCEL:
        return "Ended already." if row.state in FINAL else None
    if row.state not in FINAL:
        return "Not ended yet."
    if row.deleted_at is not None:
        return "Of a deleted job."
    return "Many missed instants: run them after the fact." if row.instants > 1 else None
