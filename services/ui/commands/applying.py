"""Making the changes of a document, in one transaction: calendars and limits first, then the jobs."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, assert_never, cast

from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.commands import calendars, jobs, pauses
from services.ui.commands.controls import Controls
from services.ui.commands.heads import CHANGED, Change, living
from services.ui.commands.jobs import Edit
from services.ui.commands.pauses import CatchUp
from services.ui.commands.steps import DeleteStep, JobStep, LimitStep, SaveCalendar, Step
from services.ui.commands.within import Asked, within
from services.ui.scripts import Scripts
from shared.db import edges
from shared.domain.access import Role
from shared.domain.calendars import to_json
from shared.domain.errors import Conflict
from shared.domain.ids import JobId


@dataclass(slots=True, kw_only=True)
class Applying:
    """The changes of one document; what was foreseen is looked at again by the commands themselves."""

    session: AsyncSession
    scripts: Scripts
    controls: Controls
    by: str
    now: datetime
    changes: list[Change] = field(default_factory=list)
    """Definitions that were changed, to be told when they are stored."""
    asked: Asked = field(default_factory=Asked)
    _newer: dict[JobId, int] = field(default_factory=dict)
    """Versions that an earlier step gave to jobs."""

    async def carry_out(self, steps: Sequence[Step]) -> None:
        """Take the steps in this order.

        Raises:
            Conflict, NotFound, InvalidInput: somebody was quicker; nothing may be kept.
        """
        await edges.lock_edges(self.session)
        for step in steps:
            match step:
                case SaveCalendar():
                    await self._calendar(step)
                case LimitStep():
                    await self._limit(step)
                case JobStep():
                    await self._job(step)
                case DeleteStep():
                    await self._delete(step)
                case _:
                    assert_never(step)

    async def _calendar(self, step: SaveCalendar) -> None:
        sessions, value = within(self.session), to_json(step.calendar)
        if step.version is None:
            await calendars.create(sessions, value, by=self.by, now=self.now, calendar_id=step.id)
            return
        edited = await calendars.edit(
            sessions, step.id, value, expected_version=step.version, by=self.by, now=self.now
        )
        self._keep(*edited)

    async def _limit(self, step: LimitStep) -> None:
        controls = replace(
            self.controls,
            sessions=within(self.session),
            wakeups=cast("Any", self.asked),
            on_held=lambda: None,
        )
        await controls.set_limit(step.key, step.maximum)

    async def _job(self, step: JobStep) -> None:
        sessions, by, now = within(self.session), self.by, self.now
        if step.version is None:
            assert step.draft is not None
            making = jobs.Making(by=by, now=now, job_id=step.id)
            self._keep(await jobs.create(sessions, step.draft, self.scripts, making))
        elif step.draft is not None:
            edit = Edit(expected_version=self._newer.get(step.id, step.version), by=by)
            self._keep(await jobs.edit(sessions, step.id, step.draft, self.scripts, edit=edit, now=now))
        if step.paused is True:
            self._keep(await pauses.pause(sessions, step.id, by=by, now=now))
        elif step.paused is False:
            resumed = await pauses.resume(sessions, step.id, CatchUp.NONE, by=by, now=now)
            self._keep(None if resumed is None else resumed.change)

    async def _delete(self, step: DeleteStep) -> None:
        head = await living(self.session, step.head.id, Role.EDITOR)
        if head.version != self._newer.get(head.id, step.head.version):
            raise Conflict(CHANGED)
        self._keep(await jobs.delete(within(self.session), head.id, by=self.by, now=self.now))

    def _keep(self, *changes: Change | None) -> None:
        for change in changes:
            if change is not None:
                self.changes.append(change)
                self._newer[change.job_id] = change.version
