"""The schedules that jobs follow, in words and in what they name next."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.models import ScheduleItem
from services.ui.settings import default_zone
from shared.db.statements import table_of
from shared.db.tables import ScheduleRow
from shared.domain.ids import ScheduleId
from shared.domain.job import JobSchedule
from shared.domain.schedules import Interval, Manual, Schedule, from_json, timetable, to_json

_IN_LINE: Final = 2
_SCHEDULES: Final = table_of(ScheduleRow).c
_FOLLOWED: Final = (
    select(_SCHEDULES.id, _SCHEDULES.job_id, _SCHEDULES.spec, _SCHEDULES.zone, _SCHEDULES.args)
    .where(_SCHEDULES.job_id.in_(bindparam("jobs", expanding=True)), _SCHEDULES.retired_at.is_(None))
    .order_by(_SCHEDULES.id)
)


async def schedules_by_job(session: AsyncSession, job_ids: Sequence[UUID]) -> dict[UUID, list[JobSchedule]]:
    """Return what these jobs follow, each job's oldest schedule first; a job without one has no entry."""
    rows = await session.execute(_FOLLOWED, {"jobs": job_ids})
    found: dict[UUID, list[JobSchedule]] = {}
    for row in rows:
        found.setdefault(row.job_id, []).append(
            JobSchedule(
                id=ScheduleId(row.id),
                schedule=from_json(row.spec),
                zone=row.zone,
                args=None if row.args is None else tuple(row.args),
            )
        )
    return found


def shown_schedule(one: JobSchedule, *, after: datetime | None) -> ScheduleItem:
    """Return the schedule as it is shown, with what it names next after then; None: it is not followed."""
    return ScheduleItem(
        id=one.id,
        schedule=_as_shown(one.schedule),
        zone=one.zone,
        args=one.args,
        text=_words(one.schedule),
        next_at=None if after is None else timetable(one.schedule, one.zone).next_after(after),
    )


def in_one_line(schedules: Sequence[JobSchedule]) -> str:
    """Say at most two schedules and how many there are besides; a zone is named where it is not the usual."""
    said = [_said(one.schedule, one.zone) for one in schedules[:_IN_LINE]]
    more = len(schedules) - _IN_LINE
    if more > 0:
        said.append(f"{more} more")
    first, *others = said or [Manual().describe()]
    return "; ".join((first, *(one[0].lower() + one[1:] for one in others)))


def upcoming(
    schedules: Sequence[JobSchedule], *, after: datetime, limit: int, until: datetime
) -> tuple[datetime, ...]:
    """Return at most `limit` instants in (`after`, `until`] that the schedules name, each once, in order."""
    instants: set[datetime] = set()
    for one in schedules:
        instants.update(islice(timetable(one.schedule, one.zone).between(after, until), limit))
    return tuple(sorted(instants)[:limit])


@lru_cache(maxsize=4096)
def _words(schedule: Schedule) -> str:
    """Describe a schedule; values of lists, which say the same ones again and again."""
    return schedule.describe()


def _said(schedule: Schedule, zone: str) -> str:
    text = _words(schedule)
    # An interval is the same everywhere; the others are local time.
    is_plain = isinstance(schedule, Interval | Manual) or zone == default_zone()
    return text if is_plain else f"{text} ({zone})"


def _as_shown(schedule: Schedule) -> dict[str, object]:
    shown = to_json(schedule)
    if isinstance(schedule, Interval):
        shown["anchor"] = schedule.anchor.isoformat().replace("+00:00", "Z")
    return shown
