"""The history of definitions: the versions of a job with what changed in each, and what was done lately."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.models import Page
from services.ui.queries.jobs import check_job
from services.ui.queries.paging import Cursor, read, written
from services.ui.queries.schedules import in_one_line
from shared.db import changes
from shared.db.definitions import definition_of
from shared.db.edges import names_of
from shared.db.engine import Database
from shared.db.tables import ChangeRow
from shared.domain.changes import ChangeKind, changed_fields
from shared.domain.errors import InvalidInput, NotFound
from shared.domain.ids import JobId, ScheduleId
from shared.domain.job import JobSchedule
from shared.domain.schedules import from_json

_ORDER = "changes"
_AFTER = "runs_after.jobs"


class ChangedField(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A field of a job that is another one than before; null: it was, or is, not there."""

    field: str
    """Such as `timeout_s` or `policy.keep_days`."""
    before: Any
    after: Any
    was: str | None = None
    is_: str | None = msgspec.field(default=None, name="is")
    """Both in words, of what is said better so: schedules and other jobs."""


class JobVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did to a job, and how it was from then on."""

    version: int
    at: datetime
    by: str
    kind: ChangeKind
    detail: str
    is_definition: bool
    """Whether it can be gone back to: the job was defined anew."""
    changes: tuple[ChangedField, ...]
    """From the definition before; of the first one, none."""


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """Something that somebody did."""

    id: UUID
    at: datetime
    by: str
    kind: ChangeKind
    subject: str
    """The name, at that time, of what it was done to."""
    job_id: UUID | None
    version: int | None
    detail: str
    changed: tuple[str, ...]
    """The fields of the job that are others since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What pages and the REST API ask about what people did."""

    database: Database

    async def versions(self, job_id: JobId, *, after: str | None = None, limit: int = 50) -> Page[JobVersion]:
        """Return what was done to a job, newest first.

        Raises:
            NotFound: no such job.
            InvalidInput: `after` is no cursor of this list.
        """
        async with self.database.reading() as session:
            await check_job(session, job_id)
            return await _versions_of_job(session, job_id, after=after, limit=limit)

    async def version(self, job_id: JobId, version: int) -> dict[str, Any]:
        """Return how a job was defined at a version, as the API's body of a new job.

        Raises:
            NotFound: no such job, or that is not known.
        """
        async with self.database.reading() as session:
            await check_job(session, job_id)
            return await _version_of_job(session, job_id, version)

    async def changes_since(self, job_id: JobId, version: int) -> tuple[ChangedField, ...]:
        """Return what is another one in a job than at this version.

        Raises:
            NotFound: no such job, or how it was then is not known.
        """
        async with self.database.reading() as session:
            await check_job(session, job_id)
            return await _changes_since(session, job_id, version)

    async def activity(
        self, *, job_id: JobId | None = None, after: str | None = None, limit: int = 50
    ) -> Page[Activity]:
        """Return what people did, newest first.

        Raises:
            InvalidInput: `after` is no cursor of this list.
        """
        async with self.database.reading() as session:
            return await _activities(session, job_id=job_id, after=after, limit=limit)


async def _versions_of_job(
    session: AsyncSession, job_id: JobId, *, after: str | None, limit: int
) -> Page[JobVersion]:
    """Return what was done to a job, newest first."""
    cursor = read(after, _ORDER)
    before = None if cursor is None else cursor.number
    rows = await changes.changes_of_job(session, job_id, before=before, limit=limit + 1)
    shown = rows[:limit]
    older = await _definitions_before(session, rows)
    more = len(rows) > limit
    items = [_version(row, older.get(row.id)) for row in shown]
    names = await _names(session, (one for item in items for one in item.changes))
    return Page(
        items=tuple(replace(one, changes=_in_words(one.changes, names)) for one in items),
        next=written(Cursor(_ORDER, shown[-1].id, number=shown[-1].version or 0)) if more else None,
    )


async def _changes_since(session: AsyncSession, job_id: JobId, version: int) -> tuple[ChangedField, ...]:
    """Return what is another one in the job as it is now than it was at this version.

    Raises:
        NotFound: there is no such job, or how it was then is not known.
    """
    then = await changes.definition_at(session, job_id, version)
    if then is None:
        raise NotFound("How this job was then is not known. Load it again.")
    return await in_words(session, then, await definition_of(session, job_id))


async def _version_of_job(session: AsyncSession, job_id: JobId, version: int) -> dict[str, Any]:
    """Return how a job was defined at a version, as the body of a new job.

    The schedules that it follows now keep their ids: what has not changed is not planned anew.

    Raises:
        NotFound: there is none.
    """
    then = await changes.definition_at(session, job_id, version)
    if then is None:
        raise NotFound(f"How this job was at version {version} is not known.")
    now = await definition_of(session, job_id)
    followed = {one["id"] for one in now["schedules"]}
    schedules = [{**one, "id": one["id"] if one["id"] in followed else None} for one in then["schedules"]]
    pinning = "record" if then["pinned_sha256"] is None else "strict"
    kept = {name: value for name, value in then.items() if name != "pinned_sha256"}
    return {**kept, "schedules": schedules, "pinning": pinning}


async def _activities(
    session: AsyncSession, *, job_id: JobId | None, after: str | None, limit: int
) -> Page[Activity]:
    """Return what was done, newest first.

    Raises:
        InvalidInput: `after` is no cursor of this list.
    """
    cursor = read(after, _ORDER)
    if cursor is not None and cursor.instant is None:
        raise InvalidInput("after", "This place in the list is unknown. Start again from its first page.")
    before = None if cursor is None or cursor.instant is None else (cursor.instant, cursor.id)
    rows = await changes.changes(session, before=before, limit=limit + 1, job_id=job_id)
    shown = rows[:limit]
    older = {
        row.id: await changes.definition_at(session, JobId(row.job_id), row.version - 1)
        for row in shown
        if row.job_id is not None and row.version is not None and row.definition is not None
    }
    more = len(rows) > limit
    return Page(
        items=tuple(_activity(row, older.get(row.id)) for row in shown),
        next=written(Cursor(_ORDER, shown[-1].id, instant=shown[-1].at)) if more else None,
    )


async def _definitions_before(
    session: AsyncSession, rows: Sequence[ChangeRow]
) -> dict[UUID, Mapping[str, Any]]:
    """Return, of each row with a definition, the one before it; `rows` are of one job, newest first."""
    defined = [row for row in rows if row.definition is not None]
    found = {row.id: older.definition for row, older in pairwise(defined)}
    if defined and (last := defined[-1]).job_id is not None and last.version is not None:
        found[last.id] = await changes.definition_at(session, JobId(last.job_id), last.version - 1)
    return {id_: definition for id_, definition in found.items() if definition is not None}


async def in_words(
    session: AsyncSession, older: Mapping[str, Any] | None, newer: Mapping[str, Any] | None
) -> tuple[ChangedField, ...]:
    """Return what is another one in the newer definition; nothing where one of them is not known."""
    found = _fields(older, newer)
    return _in_words(found, await _names(session, found))


def _version(row: ChangeRow, older: Mapping[str, Any] | None) -> JobVersion:
    return JobVersion(
        version=row.version or 0,
        at=row.at,
        by=row.by,
        kind=row.kind,
        detail=row.detail,
        is_definition=row.definition is not None,
        changes=_fields(older, row.definition),
    )


def _activity(row: ChangeRow, older: Mapping[str, Any] | None) -> Activity:
    return Activity(
        id=row.id,
        at=row.at,
        by=row.by,
        kind=row.kind,
        subject=row.subject,
        job_id=row.job_id,
        version=row.version,
        detail=row.detail,
        changed=tuple(dict.fromkeys(one.field.split(".")[0] for one in _fields(older, row.definition))),
    )


def _fields(older: Mapping[str, Any] | None, newer: Mapping[str, Any] | None) -> tuple[ChangedField, ...]:
    if older is None or newer is None:
        return ()
    plain_older, plain_newer = _without_ids(older), _without_ids(newer)
    return tuple(
        ChangedField(field=one.field, before=one.before, after=one.after)
        for one in changed_fields(plain_older, plain_newer)
    )


async def _names(session: AsyncSession, fields: Iterable[ChangedField]) -> dict[JobId, str]:
    """Return the names of the jobs that are named by their ids."""
    ids = {
        JobId(UUID(job["job_id"]))
        for one in fields
        if one.field == _AFTER
        for job in (*(one.before or ()), *(one.after or ()))
    }
    return await names_of(session, ids) if ids else {}


def _in_words(fields: Iterable[ChangedField], names: Mapping[JobId, str]) -> tuple[ChangedField, ...]:
    def said(one: ChangedField, value: Any) -> str | None:
        if one.field == "schedules":
            return in_one_line([_schedule(each) for each in value or ()])
        if one.field == _AFTER:
            jobs = [
                f"{names.get(JobId(UUID(each['job_id'])), 'a job')} ({each['on']})" for each in value or ()
            ]
            return ", ".join(jobs) or "no other job"
        return None

    return tuple(replace(one, was=said(one, one.before), is_=said(one, one.after)) for one in fields)


def _schedule(value: Mapping[str, Any]) -> JobSchedule:
    # An interval's words do not tell since when it counts.
    schedule = from_json(value["schedule"], anchor=datetime.fromtimestamp(0, UTC))
    return JobSchedule(id=ScheduleId(UUID(int=0)), schedule=schedule, zone=value["zone"], args=None)


def _without_ids(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what no person chose: a schedule that was edited has a new id."""
    schedules = [{k: v for k, v in one.items() if k != "id"} for one in definition["schedules"]]
    return {**definition, "schedules": schedules}
