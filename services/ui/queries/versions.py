"""The script of a job: what is there now, which version ran, and what changed between the two."""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.models import JobItem, RunDetail
from services.ui.queries.diffs import Diff, compared
from services.ui.scripts import Scripts
from shared.db.engine import Sessions
from shared.db.script_texts import ScriptText, readable, texts_of
from shared.db.tables import AttemptRow, RunRow
from shared.domain.errors import UnusableScript
from shared.domain.run import RunState
from shared.domain.script import MOST_KEPT_BYTES
from shared.runtime.script_files import ScriptFile, read_script

_LOOKED_AT = 200
"""So many runs are looked through for the last success: a short range of (job_id, number)."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a script that ran well, or that was pinned."""

    sha256: str
    at: datetime
    """When that run was due, or when it was pinned."""
    run_id: UUID | None = None
    """None: it is the pinned one."""
    run_number: int | None = None


class ScriptChange(msgspec.Struct, frozen=True, kw_only=True):
    """Another version than the one before, and how it differs."""

    since: Version
    sha256: str
    diff: Diff


class ScriptNow(msgspec.Struct, frozen=True, kw_only=True):
    """A script as it is in the scripts directory at this moment."""

    name: str
    sha256: str | None
    """In hex; None: it cannot be read, or is too large to be hashed before each run."""
    size: int | None
    """In bytes."""
    changed_at: datetime | None
    problem: str
    """Why no run of it could start, in words; empty where none is known."""
    change: ScriptChange | None = None
    """From the pinned version, or else the one that succeeded last; None: it is that, or none is known."""


async def script_of_job(sessions: Sessions, scripts: Scripts, job: JobItem) -> ScriptNow:
    """Look at a job's script as an executor would, and compare it with what was before."""
    try:
        found = await asyncio.to_thread(read_script, scripts.root, job.script)
    except UnusableScript as error:
        return ScriptNow(name=job.script, sha256=None, size=None, changed_at=None, problem=str(error))
    now = ScriptNow(
        name=job.script, sha256=found.sha256, size=found.size, changed_at=found.changed_at, problem=""
    )
    async with sessions() as session:  # no longer than for this: files may be slow, and comparing is
        since = await last_success(session, job.id)
    if job.pinned_sha256 is not None and job.pinned_at is not None:
        since = Version(sha256=job.pinned_sha256, at=job.pinned_at)
    if since is None or now.sha256 is None or since.sha256 == now.sha256:
        return now
    async with sessions() as session:
        texts = dict(await texts_of(session, [since.sha256]))
    texts[now.sha256] = _text_of(found)
    change = await _change(since, now.sha256, texts)
    return msgspec.structs.replace(now, change=change)


async def change_of_run(
    sessions: Sessions, scripts: Scripts, run: RunDetail, number: int | None
) -> ScriptChange | None:
    """Compare what an attempt of a run ran with what its job's last success before that run ran.

    None: they are the same, or one of them is not known.
    """
    ran = next((one for one in reversed(run.attempts) if number in (None, one.number)), None)
    if ran is None or ran.script_sha256 is None:
        return None
    async with sessions() as session:
        since = await last_success(session, run.job_id, before=run.number)
        if since is None or since.sha256 == ran.script_sha256:
            return None
        texts = dict(await texts_of(session, [since.sha256, ran.script_sha256]))
    if ran.script_sha256 not in texts:  # it ran a moment ago, and is kept in the next
        with contextlib.suppress(UnusableScript):
            found = await asyncio.to_thread(read_script, scripts.root, run.script)
            texts |= {found.sha256: _text_of(found)} if found.sha256 == ran.script_sha256 else {}
    return await _change(since, ran.script_sha256, texts)


async def last_success(session: AsyncSession, job_id: UUID, *, before: int | None = None) -> Version | None:
    """Return the version with which a job last succeeded, if its hash is known."""
    recent = select(RunRow.id, RunRow.number, RunRow.attempt, RunRow.due_at, RunRow.state).where(
        RunRow.job_id == job_id
    )
    if before is not None:
        recent = recent.where(RunRow.number < before)
    window = recent.order_by(RunRow.number.desc()).limit(_LOOKED_AT).subquery()
    row = (
        await session.execute(
            select(window.c.id, window.c.number, window.c.due_at, AttemptRow.script_sha256)
            .join(AttemptRow, (AttemptRow.run_id == window.c.id) & (AttemptRow.number == window.c.attempt))
            .where(window.c.state == RunState.SUCCEEDED)
            .order_by(window.c.number.desc())
            .limit(1)
        )
    ).one_or_none()
    if row is None or row.script_sha256 is None:
        return None
    return Version(sha256=row.script_sha256, at=row.due_at, run_id=row.id, run_number=row.number)


async def _change(since: Version, sha256: str, texts: Mapping[str, ScriptText]) -> ScriptChange:
    old, new = texts.get(since.sha256), texts.get(sha256)
    problem = _untold("the earlier version", old) or _untold("this version", new)
    if problem or old is None or new is None or old.text is None or new.text is None:
        return ScriptChange(since=since, sha256=sha256, diff=Diff(problem=problem))
    return ScriptChange(
        since=since, sha256=sha256, diff=await asyncio.to_thread(compared, old.text, new.text)
    )


def _untold(which: str, script: ScriptText | None) -> str:
    if script is None:
        return f"What changed cannot be shown: the text of {which} was not kept."
    if script.text is not None:
        return ""
    why = f"has more than {MOST_KEPT_BYTES // 1000} kB" if script.size > MOST_KEPT_BYTES else "is no text"
    return f"What changed is not shown: {which} {why}."


def _text_of(found: ScriptFile) -> ScriptText:
    return ScriptText(size=found.size, text=None if found.content is None else readable(found.content))
