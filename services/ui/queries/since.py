"""What had changed when a run failed: all that the portal knows of it and of the last one that succeeded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.models import AttemptItem, RunDetail
from services.ui.queries import runs
from services.ui.queries.history import ChangedField, in_words
from services.ui.queries.logs import chosen
from services.ui.queries.versions import ScriptChange, change_of_run
from services.ui.scripts import Scripts
from shared.db import changes
from shared.db.engine import Database
from shared.db.tables import RunRow
from shared.domain.ids import JobId, RunId
from shared.domain.run import RunState

_MOST_EDITS = 20
_TOLD_BY_SCRIPT = frozenset({"pinned_sha256"})


class EditOfJob(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody defined the job anew."""

    version: int
    at: datetime
    by: str


class SuccessBefore(msgspec.Struct, frozen=True, kw_only=True):
    """The run with which a job last succeeded."""

    run_id: UUID
    run_number: int
    at: datetime
    """When it was due."""


class ChangesOfRun(msgspec.Struct, frozen=True, kw_only=True):
    """What was another one than with the job's last success before the run; all empty: nothing known."""

    since: SuccessBefore | None = None
    """None: the job had not succeeded before, or that run has left the ledger."""
    script: ScriptChange | None = None
    job: tuple[ChangedField, ...] = ()
    """Of the definition that the run was given."""
    edits: tuple[EditOfJob, ...] = ()
    """Who changed it, newest first; at most 20."""
    run: tuple[ChangedField, ...] = ()
    """`args`, and `parameters.<name>`; of those that are secret it is not known."""
    place: tuple[ChangedField, ...] = ()
    """`executor`, `sandbox`, `sandbox_features`, and `environment`: whether one was made ready first."""
    unknown: tuple[str, ...] = ()
    """`script` and `job`, where one of the two is not known: then nobody can say that it is the same."""


@dataclass(frozen=True, slots=True)
class SinceSuccess:
    """What is asked about a run that failed."""

    database: Database
    scripts: Scripts

    async def changes(self, run_id: RunId, *, attempt: int | None = None) -> ChangesOfRun:
        """Compare an attempt of a run, the newest for None, with its job's last success before the run.

        Raises:
            NotFound: no such run, or it has no such attempt.
        """
        async with self.database.reading() as session:
            run = await runs.run_by_id(session, run_id)
            ran = chosen(run.attempts, attempt)
            good_id = await _last_success(session, run)
            if good_id is None:
                return ChangesOfRun()
            good = await runs.run_by_id(session, good_id)
            was = chosen(good.attempts, None)
            job_id = JobId(run.job_id)
            held, later = await changes.versions_between(
                session, job_id, _given_at(good, was), _given_at(run, ran), limit=_MOST_EDITS
            )
            newest = later[0].definition if later else None
            fields = await in_words(session, held.definition if held else None, newest)
        script = await change_of_run(self.database.reading, self.scripts, run, attempt)
        known = {
            "script": script is not None or _ran_the_same(was, ran),
            # A job without a history is as it was made.
            "job": held is not None or not later,
        }
        return ChangesOfRun(
            since=SuccessBefore(run_id=good.id, run_number=good.number or 0, at=good.due_at),
            script=script,
            job=tuple(one for one in fields if one.field not in _TOLD_BY_SCRIPT),
            edits=tuple(EditOfJob(version=one.version or 0, at=one.at, by=one.by) for one in later),
            run=tuple(_differing(_given(good), _given(run))),
            place=tuple(_differing(_place(was), _place(ran))) if ran and ran.claimed_at else (),
            unknown=tuple(part for part, is_known in known.items() if not is_known),
        )


async def _last_success(session: AsyncSession, run: RunDetail) -> RunId | None:
    if run.number is None:
        return None  # asked for, and not yet in the ledger: nobody knows what it comes after
    succeeded = select(RunRow.id).where(
        RunRow.job_id == run.job_id, RunRow.state == RunState.SUCCEEDED, RunRow.number < run.number
    )
    found = await session.scalar(succeeded.order_by(RunRow.number.desc()).limit(1))
    return None if found is None else RunId(found)


def _ran_the_same(one: AttemptItem | None, other: AttemptItem | None) -> bool:
    # What never started, or is too large, has no hash.
    return bool(one and other and one.script_sha256 and one.script_sha256 == other.script_sha256)


def _given_at(run: RunDetail, attempt: AttemptItem | None) -> datetime:
    """Return when an attempt was given its definition: grants carry the one that holds at the claim."""
    claimed = None if attempt is None else attempt.claimed_at
    return claimed or run.finished_at or run.due_at


def _given(run: RunDetail) -> dict[str, Any]:
    values = {f"parameters.{one.name}": one.value for one in run.parameters}
    return {"args": list(run.args), **values}


def _place(attempt: AttemptItem | None) -> dict[str, Any]:
    if attempt is None:
        return {}
    return {
        "executor": attempt.executor,
        "sandbox": attempt.sandbox or None,
        "sandbox_features": attempt.sandbox_features or None,
        "environment": attempt.prepared_ms is not None,
    }


def _differing(before: dict[str, Any], after: dict[str, Any]) -> Iterator[ChangedField]:
    names: Iterable[str] = dict.fromkeys((*before, *after))
    for name in names:
        if before.get(name) != after.get(name):
            yield ChangedField(field=name, before=before.get(name), after=after.get(name))
