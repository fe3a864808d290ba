"""The texts of scripts that ran or were pinned, by their hash: what a change can be shown from."""

import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Table, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import pieces
from shared.db.tables import AttemptRow, JobLedgerRow, JobRow, RunRow, ScriptTextRow
from shared.domain.ids import RunId
from shared.domain.script import MOST_KEPT_BYTES

MOST_KEPT = 2_000
"""So many texts are kept, those that were used last."""
_SLACK = timedelta(days=1)
"""A use is noted once an hour, by a clock of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptText:
    """A script as it was; without its text where that is none, or is too long to be kept."""

    size: int
    """In bytes."""
    text: str | None


async def keep(session: AsyncSession, sha256: str, content: bytes, *, now: datetime) -> None:
    """Keep a script, or note that it is used still; what is no text, or too long, leaves only its size."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    text = readable(content)
    row = {
        "sha256": sha256,
        "size": len(content),
        "body": None if text is None else zlib.compress(text.encode()),
        "used_at": now,
    }
    await session.execute(
        insert(cast("Table", ScriptTextRow.__table__))
        .values(row)
        .on_conflict_do_update(index_elements=["sha256"], set_={"used_at": now})
    )


async def note_use(session: AsyncSession, hashes: Collection[str], *, now: datetime) -> set[str]:
    """Note that these are used still; return those that are not kept."""
    await session.execute(update(ScriptTextRow).where(ScriptTextRow.sha256.in_(hashes)).values(used_at=now))
    kept = await session.scalars(select(ScriptTextRow.sha256).where(ScriptTextRow.sha256.in_(hashes)))
    return set(hashes) - set(kept)


async def texts_of(session: AsyncSession, hashes: Collection[str]) -> Mapping[str, ScriptText]:
    """Return those of the scripts that are kept."""
    rows = await session.scalars(select(ScriptTextRow).where(ScriptTextRow.sha256.in_(hashes)))
    return {
        row.sha256: ScriptText(
            size=row.size, text=None if row.body is None else zlib.decompress(row.body).decode()
        )
        for row in rows
    }


async def scripts_of_runs(session: AsyncSession, run_ids: Collection[RunId]) -> dict[str, str]:
    """Return what the runs ran: by the hash of each script, the name that its job has for it now."""
    found: dict[str, str] = {}
    for piece in pieces(run_ids):
        found |= await _scripts(session, AttemptRow.run_id.in_(piece))
    return found


async def scripts_of_last_runs(session: AsyncSession) -> dict[str, str]:
    """Return the same of every job's newest run that has ended."""
    last = select(JobLedgerRow.last_run_id).where(JobLedgerRow.last_run_id.is_not(None))
    return await _scripts(session, AttemptRow.run_id.in_(last))


async def _scripts(session: AsyncSession, of_runs: object) -> dict[str, str]:
    rows = await session.execute(
        select(AttemptRow.script_sha256, JobRow.script)
        .join(JobRow, JobRow.id == AttemptRow.job_id)
        .where(of_runs, AttemptRow.script_sha256.is_not(None))  # type: ignore[arg-type]  # a condition
        .distinct()
    )
    return {str(sha256): script for sha256, script in rows}


async def drop_unused(session: AsyncSession) -> None:
    """Drop what no run that is kept has run and no job pins, and the longest unused of too many."""
    pinned = select(JobRow.pinned_sha256).where(JobRow.pinned_sha256.is_not(None))
    oldest = await session.scalar(select(func.min(RunRow.due_at)))
    if oldest is not None:
        unused = ScriptTextRow.used_at < oldest - _SLACK
        await session.execute(delete(ScriptTextRow).where(unused, ScriptTextRow.sha256.not_in(pinned)))
    newest = select(ScriptTextRow.sha256).order_by(ScriptTextRow.used_at.desc()).limit(MOST_KEPT)
    await session.execute(
        delete(ScriptTextRow).where(ScriptTextRow.sha256.not_in(newest), ScriptTextRow.sha256.not_in(pinned))
    )


def readable(content: bytes) -> str | None:
    """Return a script as text; None where it is none, or is too long to be kept."""
    if len(content) > MOST_KEPT_BYTES or b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None
