"""One wish for many jobs: a batch of them at a time in one transaction, each job in a part of its own.

What one job refuses is undone for that job alone and told with its reason; the others go on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, assert_never, cast

from services.ui.access import demand_somewhere
from services.ui.commands import jobs, pauses, runs
from services.ui.commands.controls import Controls
from services.ui.commands.heads import Change
from services.ui.commands.pauses import CatchUp
from services.ui.commands.runs import Asker
from services.ui.commands.within import Asked, within
from services.ui.many import (
    BulkAction,
    BulkFailure,
    BulkResult,
    RunsAction,
    RunsFailure,
    RunsResult,
    Wish,
)
from shared.db.engine import Sessions
from shared.domain.access import Role
from shared.domain.errors import PortalError
from shared.domain.ids import JobId, RequestId, RunId
from shared.domain.run import Cause

if TYPE_CHECKING:
    from services.ui.commands import Commands
    from services.ui.commands.wake import Wakeups

BATCH = 25
"""So many jobs are changed at once: some 100 ms, in which nobody else writes on SQLite."""


class Bulk:
    """What is done to many jobs; see `Commands` for what each means to one."""

    def __init__(self, commands: "Commands") -> None:
        self._commands = commands

    async def act(
        self,
        wish: Wish,
        job_ids: Iterable[JobId],
        *,
        cause: Cause = Cause.MANUAL,
    ) -> BulkResult:
        """Do it to each of the jobs in this order; a batch that the database does not take is the last."""
        by = demand_somewhere(role_of(wish.action)).name
        done: list[JobId] = []
        failed: list[BulkFailure] = []
        rest = iter(job_ids)
        while batch := list(islice(rest, BATCH)):
            acts = []
            async with self._commands.sessions.begin() as session:
                together = within(session)
                for job_id in batch:
                    try:
                        act = await self._act(together, wish, job_id, cause=cause, by=by)
                    except PortalError as error:
                        failed.append(BulkFailure(job_id=job_id, why=str(error)))
                    else:
                        acts.append((job_id, act))
            done += [job_id for job_id, act in acts if act is not None]
            self._tell([act for _, act in acts if act is not None])
        return BulkResult(done=tuple(done), failed=tuple(failed))

    async def act_on_runs(
        self, action: RunsAction, run_ids: Iterable[RunId], controls: Controls
    ) -> RunsResult:
        """Ask for it run by run, in this order."""
        by = demand_somewhere(Role.OPERATOR).name
        done = 0
        failed: list[RunsFailure] = []
        rest = iter(run_ids)
        while batch := list(islice(rest, BATCH)):
            asked = Asked()
            async with self._commands.sessions.begin() as session:
                together = within(session)
                stopping = replace(controls, sessions=together, wakeups=cast("Wakeups", asked))
                for run_id in batch:
                    try:
                        if action is RunsAction.CANCEL:
                            await stopping.cancel(run_id)
                        else:
                            asked.requested(await self._rerun(together, run_id, by=by))
                    except PortalError as error:
                        failed.append(RunsFailure(run_id=run_id, why=str(error)))
            done += len(asked.ids)
            self._tell(asked.ids)
        return RunsResult(done=done, failed=tuple(failed))

    async def _rerun(self, sessions: Sessions, run_id: RunId, *, by: str) -> RequestId:
        asker = runs.Asker(requested_by=by, cause=Cause.MANUAL, now=self._commands.clock.now())
        return RequestId(await runs.ask_for_rerun(sessions, run_id, None, asker))

    async def _act(
        self, sessions: Sessions, wish: Wish, job_id: JobId, *, cause: Cause, by: str
    ) -> Change | RequestId | None:
        now = self._commands.clock.now()
        match wish.action:
            case BulkAction.RUN:
                asker = Asker(requested_by=by, cause=cause, now=now)
                return (await runs.ask_for_run(sessions, job_id, {}, asker, vault=self._commands.vault)).id
            case BulkAction.PAUSE:
                return await pauses.pause(sessions, job_id, by=by, now=now)
            case BulkAction.RESUME:
                resumed = await pauses.resume(sessions, job_id, CatchUp.NONE, by=by, now=now)
                return None if resumed is None else resumed.change
            case BulkAction.DELETE:
                return await jobs.delete(sessions, job_id, by=by, now=now)
            case BulkAction.RESTORE:
                return await jobs.restore(sessions, job_id, by=by, now=now)
            case BulkAction.TAG | BulkAction.UNTAG:
                add, remove = (wish.tags, ()) if wish.action is BulkAction.TAG else ((), wish.tags)
                return await jobs.retag(sessions, job_id, add=add, remove=remove, by=by, now=now)
            case _:
                assert_never(wish.action)

    def _tell(self, acts: Sequence[Change | RequestId]) -> None:
        """Say what was stored, now that it is."""
        for act in acts:
            if isinstance(act, Change):
                self._commands.wakeups.job_changed(act.job_id, act.version)
                self._commands.on_job_changed(act.job_id)
            else:
                self._commands.wakeups.requested(act)


def role_of(action: BulkAction) -> Role:
    """Return who may do this to a job."""
    is_running = action in {BulkAction.RUN, BulkAction.PAUSE, BulkAction.RESUME}
    return Role.OPERATOR if is_running else Role.EDITOR
