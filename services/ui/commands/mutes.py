"""Muting a job that fails: somebody knows, and nobody else needs to be told for a while."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.access import current, demand_somewhere
from services.ui.commands.heads import known, living
from shared.db import changes, mutes
from shared.db.changes import Deed
from shared.db.engine import Sessions
from shared.db.jobs import JobHead
from shared.domain.access import Role
from shared.domain.changes import ChangeKind
from shared.domain.ids import JobId
from shared.domain.mute import Mute, checked_length
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutes:
    """What people do about being told of failures; it changes nothing in how jobs run."""

    sessions: Sessions
    clock: Clock
    on_job_changed: Callable[[JobId], None]
    """Told at once, in this process."""

    async def mute(self, job_id: JobId, seconds: int) -> None:
        """Tell nobody that the job fails, for so long from now on or until it succeeds.

        Raises:
            NotFound: no such job, or it is deleted.
            InvalidInput: on field `for_s`: less than a minute, or more than a week.
        """
        by = demand_somewhere(Role.OPERATOR).name
        length, now = checked_length(seconds), self.clock.now()
        mute = Mute(job_id=job_id, muted_at=now, muted_by=by, ends_at=now + length)
        async with self.sessions.begin() as session:
            head = await living(session, job_id, Role.OPERATOR)
            await mutes.store(session, mute)
            said = f"for {seconds // 60} min" if seconds % 3600 else f"for {seconds // 3600} h"
            await self._note(session, head, ChangeKind.JOB_MUTED, by=by, detail=said)
        self.on_job_changed(job_id)

    async def unmute(self, job_id: JobId) -> None:
        """Tell of the job's failures again. One that is not muted stays as it is.

        Raises:
            NotFound: no such job.
        """
        async with self.sessions.begin() as session:
            head = await known(session, job_id, Role.OPERATOR)
            if not await mutes.held(session, self.clock.now(), [job_id]):
                return
            await mutes.remove(session, job_id)
            await self._note(session, head, ChangeKind.JOB_UNMUTED, by=current().name)
        self.on_job_changed(job_id)

    async def _note(
        self, session: AsyncSession, head: JobHead, kind: ChangeKind, *, by: str, detail: str = ""
    ) -> None:
        deed = Deed(kind=kind, by=by, at=self.clock.now(), subject=head.name, job_id=head.id, detail=detail)
        await changes.record(session, deed)
