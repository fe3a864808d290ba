"""Write use cases: check, write a definition or a request, wake the scheduler.

A command never waits for the broker: what was asked for is a row, the message only a wake-up.
"""

from dataclasses import dataclass
from uuid import UUID

from services.ui.commands.drafts import JobDraft
from services.ui.models import Person
from shared.domain.ids import JobId, RunId
from shared.domain.run import Cause

__all__ = ["Commands", "JobDraft"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """Everything that a person can make the portal do; pages and the REST API share it."""

    async def create_job(self, draft: JobDraft) -> JobId:
        """Store a new job.

        Raises:
            NameTaken: another living job has the name.
            InvalidInput: with the field and what to do.
        """
        raise NotImplementedError

    async def edit_job(self, job_id: JobId, draft: JobDraft, *, expected_version: int) -> int:
        """Replace the definition and return its new version.

        Raises:
            NotFound: no such job, or it is deleted.
            Conflict: it has another version by now.
            NameTaken, InvalidInput: as in `create_job`.
        """
        raise NotImplementedError

    async def pause(self, job_id: JobId) -> None:
        """Stop following the job's schedule; run now still works. Pausing twice changes nothing.

        Raises:
            NotFound: no such job, or it is deleted.
        """
        raise NotImplementedError

    async def resume(self, job_id: JobId) -> None:
        """Follow the schedule again; instants that fell into the pause stay undecided or skipped.

        Raises:
            NotFound: no such job, or it is deleted.
        """
        raise NotImplementedError

    async def delete(self, job_id: JobId) -> None:
        """Delete softly: `restore` undoes it, the name is free at once. Twice changes nothing.

        Raises:
            NotFound: no such job.
        """
        raise NotImplementedError

    async def restore(self, job_id: JobId) -> None:
        """Undo a deletion.

        Raises:
            NotFound: no such job.
            NameTaken: another job has taken the name meanwhile.
        """
        raise NotImplementedError

    async def run_now(
        self, job_id: JobId, *, requested_by: str = "local", cause: Cause = Cause.MANUAL
    ) -> RunId:
        """Ask for a run and return the id that it will have; `Queries.run` shows it at once as queued.

        Raises:
            NotFound: no such job, or it is deleted.
        """
        raise NotImplementedError

    async def save_person(self, person_id: UUID | None, person: Person) -> UUID:
        """Keep how a browser wants to see the portal; return its id, a new one for None.

        Raises:
            InvalidInput: the zone is no IANA name.
        """
        raise NotImplementedError
