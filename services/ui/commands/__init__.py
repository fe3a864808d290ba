"""Write use cases: check, write a definition or a request, wake the scheduler.

A command never waits for the broker: what was asked for is a row, the message only a wake-up.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from services.ui.access import current, demand, demand_somewhere
from services.ui.commands import calendars, jobs, pauses, people, runs
from services.ui.commands.bulk import Bulk
from services.ui.commands.controls import Controls
from services.ui.commands.drafts import JobDraft, ScheduleDraft
from services.ui.commands.heads import Change
from services.ui.commands.jobs import Edit
from services.ui.commands.once import MadeBefore
from services.ui.commands.pauses import CatchUp
from services.ui.commands.runs import Asker, Range
from services.ui.commands.secrets import Secrets
from services.ui.commands.wake import Wakeups
from services.ui.models import Person
from services.ui.scripts import Scripts
from shared.db.engine import Sessions
from shared.db.once import Once
from shared.domain.access import Role
from shared.domain.changes import ChangeKind
from shared.domain.ids import CalendarId, JobId, RequestId, RunId
from shared.domain.run import Cause
from shared.runtime.clock import Clock
from shared.runtime.vault import Vault

__all__ = ["Bulk", "CatchUp", "Commands", "Controls", "JobDraft", "Range", "ScheduleDraft", "Secrets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """Everything that a person can make the portal do; pages and the REST API share it.

    Each asks who wants it and whether they may: see `services.ui.access` for what it raises.
    """

    sessions: Sessions
    scripts: Scripts
    clock: Clock
    wakeups: Wakeups
    vault: Vault
    on_job_changed: Callable[[JobId], None]
    """Told at once, in this process: what is shown must not wait for the broker."""

    async def create_job(self, draft: JobDraft, *, once: Once | None = None) -> JobId:
        """Store a new job; with `once`, the job that the same request made before is returned instead.

        Raises:
            NameTaken: another living job has the name.
            InvalidInput: with the field and what to do; or `once` was of another request.
            Conflict: the same request is being answered at this moment.
        """
        demand_somewhere(Role.EDITOR)
        making = jobs.Making(by=current().name, now=self.clock.now(), once=once)
        try:
            change = await jobs.create(self.sessions, draft, self.scripts, making)
        except MadeBefore as before:
            return JobId(before.made)
        self._tell(change)
        return change.job_id

    async def edit_job(self, job_id: JobId, draft: JobDraft, *, expected_version: int) -> int:
        """Replace the definition and return its new version.

        Raises:
            NotFound: no such job, or it is deleted.
            Conflict: it has another version by now.
            NameTaken, InvalidInput: as in `create_job`.
        """
        edit = Edit(expected_version=expected_version, by=current().name)
        return await self._edit(job_id, draft, edit)

    async def revert_job(self, job_id: JobId, draft: JobDraft, to: int, *, expected_version: int) -> int:
        """Make the job again what the draft says, which is what version `to` of it was; as `edit_job`."""
        edit = Edit(
            expected_version=expected_version,
            by=current().name,
            kind=ChangeKind.JOB_REVERTED,
            detail=f"to version {to}",
        )
        return await self._edit(job_id, draft, edit)

    async def _edit(self, job_id: JobId, draft: JobDraft, edit: Edit) -> int:
        demand_somewhere(Role.EDITOR)
        change = await jobs.edit(self.sessions, job_id, draft, self.scripts, edit=edit, now=self.clock.now())
        self._tell(change)
        return change.version

    async def accept_script(self, job_id: JobId, sha256: str) -> None:
        """Let a job with strict pinning run the script that is there now, if it has this hash.

        Raises:
            NotFound: no such job, or it is deleted.
            Conflict: the script, or the job, is another one by now; or it pins none.
            InvalidInput: the script is missing, or cannot be pinned.
        """
        self._tell(
            await jobs.accept_script(
                self.sessions, job_id, sha256, self.scripts, by=current().name, now=self.clock.now()
            )
        )

    async def pause(self, job_id: JobId) -> None:
        """Stop following the job's schedules; run now still works. Pausing twice changes nothing.

        Raises:
            NotFound: no such job, or it is deleted.
        """
        self._tell(await pauses.pause(self.sessions, job_id, by=current().name, now=self.clock.now()))

    async def resume(self, job_id: JobId, *, catch_up: CatchUp = CatchUp.NONE) -> None:
        """Follow the schedules again, and ask for what is to be caught up of the pause.

        Raises:
            NotFound: no such job, or it is deleted.
        """
        by, now = current().name, self.clock.now()
        resumed = await pauses.resume(self.sessions, job_id, catch_up, by=by, now=now)
        if resumed is None:
            return
        self._tell(resumed.change)
        if resumed.request_id is not None:
            self.wakeups.requested(resumed.request_id)

    async def backfill(self, job_id: JobId, which: Range) -> RequestId:
        """Ask for the missed instants of a range; the scheduler makes the runs, at most 100.

        Raises:
            NotFound: no such job, or it is deleted.
            InvalidInput: the range is empty, or wholly to come.
        """
        request_id = await runs.ask_for_backfill(
            self.sessions, job_id, which, requested_by=current().name, now=self.clock.now()
        )
        self.wakeups.requested(request_id)
        return request_id

    async def delete(self, job_id: JobId) -> None:
        """Delete softly: `restore` undoes it, the name is free at once. Twice changes nothing.

        Raises:
            NotFound: no such job.
        """
        self._tell(await jobs.delete(self.sessions, job_id, by=current().name, now=self.clock.now()))

    async def restore(self, job_id: JobId) -> None:
        """Undo a deletion.

        Raises:
            NotFound: no such job.
            NameTaken: another job has taken the name meanwhile.
        """
        self._tell(await jobs.restore(self.sessions, job_id, by=current().name, now=self.clock.now()))

    async def run_now(
        self,
        job_id: JobId,
        *,
        parameters: Mapping[str, object] | None = None,
        cause: Cause = Cause.MANUAL,
        once: Once | None = None,
    ) -> RunId:
        """Ask for a run and return the id that it will have; `Queries.run` shows it at once as queued.

        With `once`, what the same request asked for before is returned instead.

        Raises:
            NotFound: no such job, or it is deleted.
            InvalidInput: on field `parameters.<name>`, what it is to be; or `once` was of another request.
            Conflict: the same request is being answered at this moment.
        """
        asker = Asker(requested_by=current().name, cause=cause, now=self.clock.now(), once=once)
        try:
            request = await runs.ask_for_run(self.sessions, job_id, parameters or {}, asker, vault=self.vault)
        except MadeBefore as before:
            return RunId(before.made)
        self.wakeups.requested(request.id)
        return request.run_id

    async def run_again(
        self, run_id: RunId, *, args: tuple[str, ...] | None = None, once: Once | None = None
    ) -> RunId:
        """Ask for a run like this one, with other arguments if any are given; return its id.

        Raises:
            NotFound: no such run, or its job is deleted.
            InvalidInput: the arguments cannot be given to a program, or it is a range of missed instants.
            InvalidInput, Conflict: of `once`, as in `run_now`.
        """
        asker = Asker(requested_by=current().name, cause=Cause.MANUAL, now=self.clock.now(), once=once)
        try:
            new_run = await runs.ask_for_rerun(self.sessions, run_id, args, asker)
        except MadeBefore as before:
            return RunId(before.made)
        self.wakeups.requested(RequestId(new_run))
        return new_run

    async def create_calendar(self, value: Mapping[str, object]) -> CalendarId:
        """Store a new calendar, given as `shared.domain.calendars.from_json` reads it.

        Raises:
            NameTaken: another calendar has the name.
            InvalidInput: with the field and what to do.
        """
        demand(Role.EDITOR)
        return await calendars.create(self.sessions, value, by=current().name, now=self.clock.now())

    async def edit_calendar(
        self,
        calendar_id: CalendarId,
        value: Mapping[str, object],
        *,
        expected_version: int,
    ) -> None:
        """Replace a calendar; the jobs that are judged by it count as changed and are planned anew.

        Raises:
            NotFound: no such calendar.
            Conflict: it has another version by now.
            NameTaken, InvalidInput: as in `create_calendar`.
        """
        demand(Role.EDITOR)
        for change in await calendars.edit(
            self.sessions,
            calendar_id,
            value,
            expected_version=expected_version,
            by=current().name,
            now=self.clock.now(),
        ):
            self._tell(change)

    async def delete_calendar(self, calendar_id: CalendarId) -> None:
        """Delete a calendar that no job uses.

        Raises:
            NotFound: no such calendar.
            Conflict: jobs use it, and which.
        """
        demand(Role.EDITOR)
        await calendars.delete(self.sessions, calendar_id, by=current().name, now=self.clock.now())

    async def save_person(self, person_id: UUID | None, person: Person) -> UUID:
        """Keep how a browser wants to see the portal; return its id, a new one for None.

        Raises:
            InvalidInput: the zone is no IANA name.
        """
        demand(Role.VIEWER)
        return await people.save(self.sessions, person_id, person, now=self.clock.now())

    def _tell(self, change: Change | None) -> None:
        if change is not None:
            self.wakeups.job_changed(change.job_id, change.version)
            self.on_job_changed(change.job_id)
