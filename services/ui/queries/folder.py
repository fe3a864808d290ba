"""The scripts directory as a list, with the jobs that name each file; and one file to read."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import select

from services.ui.scripts import Found, Scripts
from shared.db.engine import Sessions
from shared.db.script_texts import readable
from shared.db.tables import JobRow
from shared.domain.errors import NotFound, UnusableScript
from shared.domain.script import MOST_KEPT_BYTES
from shared.runtime.script_files import read_script

_MOST_JOBS = 5


class ScriptUser(msgspec.Struct, frozen=True, kw_only=True):
    """A job that names a script."""

    id: UUID
    name: str


class ListedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the scripts directory, or one that jobs name and that is not there."""

    name: str
    size: int | None
    """In bytes; None: it is not there."""
    changed_at: datetime | None
    problem: str
    """Why no job can run it, in words; empty where it can."""
    jobs: tuple[ScriptUser, ...]
    """At most five, by name."""
    job_count: int


class Folder(msgspec.Struct, frozen=True, kw_only=True):
    """The whole scripts directory, by name."""

    items: tuple[ListedFile, ...]
    missing: tuple[ListedFile, ...]
    cut: bool
    """There are more files than are listed."""


class ReadScript(msgspec.Struct, frozen=True, kw_only=True):
    """A script with its text."""

    name: str
    size: int
    changed_at: datetime
    sha256: str | None
    text: str | None
    problem: str
    """Why its text is not shown, or why no job can run it."""
    is_runnable: bool
    jobs: tuple[ScriptUser, ...]
    job_count: int


_Users = Mapping[str, list[ScriptUser]]


async def folder(sessions: Sessions, scripts: Scripts) -> Folder:
    """Return every file that is not hidden, and what jobs name besides. No file is opened."""
    # With no session at hand: a folder on a network may hang, and there are few of those.
    found, cut = await asyncio.to_thread(scripts.looked_through)
    users = await _users(sessions)
    # Not all that is there is listed: of more than so many files, or folders, the rest is not looked at.
    absent = await asyncio.to_thread(scripts.absent, users.keys() - {one.name for one in found})
    return Folder(
        items=tuple(_listed(one, users) for one in found),
        missing=tuple(
            _listed(Found(name=name, size=None, changed_at=None, problem="It is not there."), users)
            for name in absent
        ),
        cut=cut,
    )


async def script_text(sessions: Sessions, scripts: Scripts, name: str) -> ReadScript:
    """Return one script, read as an executor reads it.

    Raises:
        NotFound: it cannot be read, and why.
    """
    try:
        found = await asyncio.to_thread(read_script, scripts.root, name)
    except UnusableScript as error:
        raise NotFound(str(error)) from error
    users = (await _users(sessions)).get(name, [])
    text = None if found.content is None else readable(found.content)
    runs = scripts.problem_of(name, executable=found.executable)
    unread = f"Its text is not shown: it has more than {MOST_KEPT_BYTES // 1000} kB, or is no text in UTF-8."
    return ReadScript(
        name=name,
        size=found.size,
        changed_at=found.changed_at,
        sha256=found.sha256,
        text=text,
        problem=" ".join(filter(None, (runs, unread if text is None else ""))),
        is_runnable=not runs,
        jobs=tuple(users[:_MOST_JOBS]),
        job_count=len(users),
    )


async def _users(sessions: Sessions) -> _Users:
    named = select(JobRow.script, JobRow.id, JobRow.name).where(JobRow.deleted_at.is_(None))
    async with sessions() as session:
        rows = (await session.execute(named.order_by(JobRow.name_key))).all()
    users: dict[str, list[ScriptUser]] = defaultdict(list)
    for script, job_id, name in rows:
        users[script].append(ScriptUser(id=job_id, name=name))
    return users


def _listed(one: Found, users: _Users) -> ListedFile:
    of_it = users.get(one.name, [])
    return ListedFile(
        name=one.name,
        size=one.size,
        changed_at=one.changed_at,
        problem=one.problem,
        jobs=tuple(of_it[:_MOST_JOBS]),
        job_count=len(of_it),
    )
