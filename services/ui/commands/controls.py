"""What people stop and hold back: runs, executors, pools, everything.

A wish is a row before it is a message. The scheduler obeys the row with every claim and every renewal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.access import current, demand, demand_somewhere
from services.ui.commands import parked
from services.ui.commands.heads import known
from services.ui.commands.wake import Wakeups
from shared.db import changes, holds, limits, requests
from shared.db.changes import Deed
from shared.db.engine import Sessions
from shared.db.executors import executor_by_name
from shared.db.limits import Limit
from shared.db.requests import CancelRequest
from shared.db.runs import standing_of
from shared.db.types import storable
from shared.domain.access import Role
from shared.domain.changes import ChangeKind
from shared.domain.errors import InvalidInput, NotFound, TooLate
from shared.domain.holds import Hold, HoldKind
from shared.domain.ids import ExecutorName, JobId, ParkedId, RequestId, RunId, new_id
from shared.domain.job import is_pool_name
from shared.domain.limits import KEY_NAMES, checked_maximum, is_limit_key
from shared.domain.parked import ParkedWish
from shared.domain.run import FINAL, RunState
from shared.runtime.clock import Clock

LONGEST_FREEZE = timedelta(days=30)
_BEGUN = {
    HoldKind.FREEZE: ChangeKind.FREEZE_BEGUN,
    HoldKind.POOL: ChangeKind.POOL_PAUSED,
    HoldKind.DRAIN: ChangeKind.EXECUTOR_DRAINED,
}
_LIFTED = {
    HoldKind.FREEZE: ChangeKind.FREEZE_LIFTED,
    HoldKind.POOL: ChangeKind.POOL_RESUMED,
    HoldKind.DRAIN: ChangeKind.EXECUTOR_RESUMED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """Everything that stops or holds back; asked for twice, it changes nothing the second time."""

    sessions: Sessions
    clock: Clock
    wakeups: Wakeups
    on_held: Callable[[], None]
    """Told at once, in this process: what is shown must not wait for the next look."""

    async def cancel(self, run_id: RunId) -> None:
        """Ask for the end of a run: one that waits never starts, one that runs is stopped.

        Raises:
            NotFound: no such run.
            TooLate: it has ended.
        """
        demand_somewhere(Role.OPERATOR)
        request_id = RequestId(new_id())
        async with self.sessions.begin() as session:
            job_id = await _job_of_going(session, run_id)
            await known(session, job_id, Role.OPERATOR)
            await requests.ask_to_cancel(session, self._cancel(request_id, job_id, run_id))
        self.wakeups.requested(request_id)

    async def cancel_waiting(self, job_id: JobId) -> RequestId:
        """Ask for the end of every run of a job that waits by now; what runs goes on.

        Raises:
            NotFound: no such job.
        """
        request_id = RequestId(new_id())
        async with self.sessions.begin() as session:
            await known(session, job_id, Role.OPERATOR)
            await requests.ask_to_cancel(session, self._cancel(request_id, job_id, None))
        self.wakeups.requested(request_id)
        return request_id

    async def decide_parked(self, parked_id: ParkedId, wish: ParkedWish) -> None:
        """Ask that a parked message is put back to where it came from, or discarded.

        Raises:
            NotFound: no such message.
            TooLate: it was put back or discarded.
            InvalidInput: it is to be put back, and only a part of it is left.
        """
        by = demand(Role.OPERATOR).name
        async with self.sessions.begin() as session:
            request_id = await parked.ask(session, parked_id, wish, by=by, now=self.clock.now())
        if request_id is not None:
            self.wakeups.requested(request_id)

    async def freeze(self, until: datetime) -> None:
        """Let nothing start until then, or until it is lifted; it replaces the freeze that is on.

        Raises:
            InvalidInput: the end is not to come, or more than 30 days away.
        """
        by, now = demand(Role.OPERATOR).name, self.clock.now()
        if not now < until <= now + LONGEST_FREEZE:
            raise InvalidInput("until", "Choose an end of the freeze within the next 30 days.")
        await self._begin(HoldKind.FREEZE, "", by=by, until=until, replaces=True)

    async def lift_freeze(self) -> None:
        """Let runs start again."""
        await self._lift(HoldKind.FREEZE, "", by=demand(Role.OPERATOR).name)

    async def pause_pool(self, pool: str) -> None:
        """Let no run of the pool start until it is resumed.

        Raises:
            InvalidInput: this cannot be a pool's name.
        """
        by = demand(Role.OPERATOR).name
        _check_pool(pool)
        await self._begin(HoldKind.POOL, pool, by=by)

    async def resume_pool(self, pool: str) -> None:
        """Let the pool's runs start again; of one that is not paused nothing changes.

        Raises:
            InvalidInput: this cannot be a pool's name.
        """
        by = demand(Role.OPERATOR).name
        _check_pool(pool)
        await self._lift(HoldKind.POOL, pool, by=by)

    async def set_limit(self, key: str, maximum: int) -> None:
        """Let so many attempts of the jobs that name the key run at once; what runs, runs on.

        Raises:
            InvalidInput: no limit can have this name, or this maximum.
        """
        by = demand(Role.EDITOR).name
        _check_key(key)
        limit = Limit(key=key, maximum=checked_maximum(maximum), set_by=by, set_at=self.clock.now())
        try:
            await self._store_limit(limit)
        except IntegrityError:  # somebody set it at the same moment: now it can be changed
            await self._store_limit(limit)
        self._tell(RequestId(new_id()))

    async def forget_limit(self, key: str) -> None:
        """Let the key have the usual maximum again; of one that has it nothing changes.

        Raises:
            InvalidInput: no limit can have this name.
        """
        by = demand(Role.EDITOR).name
        _check_key(key)
        async with self.sessions.begin() as session:
            if not await limits.forget_maximum(session, key):
                return
            deed = Deed(kind=ChangeKind.LIMIT_FORGOTTEN, by=by, at=self.clock.now(), subject=key)
            await changes.record(session, deed)
        self._tell(RequestId(new_id()))

    async def _store_limit(self, limit: Limit) -> None:
        async with self.sessions.begin() as session:
            await limits.set_maximum(session, limit)
            deed = Deed(
                kind=ChangeKind.LIMIT_SET,
                by=limit.set_by,
                at=limit.set_at,
                subject=limit.key,
                detail=f"at most {limit.maximum}",
            )
            await changes.record(session, deed)

    async def drain(self, executor: ExecutorName) -> None:
        """Let an executor take no more runs until it is resumed, also after a restart.

        Raises:
            NotFound: no executor of this name was ever heard.
        """
        by = demand(Role.OPERATOR).name
        await self._check_executor(executor)
        await self._begin(HoldKind.DRAIN, executor, by=by)
        self.wakeups.wanted_otherwise(executor)

    async def resume_executor(self, executor: ExecutorName) -> None:
        """Let an executor take runs again.

        Raises:
            NotFound: no executor of this name was ever heard.
        """
        by = demand(Role.OPERATOR).name
        await self._check_executor(executor)
        await self._lift(HoldKind.DRAIN, executor, by=by)
        self.wakeups.wanted_otherwise(executor)

    async def _check_executor(self, name: ExecutorName) -> None:
        async with self.sessions.begin() as session:
            if await executor_by_name(session, ExecutorName(storable(name))) is None:
                raise NotFound("There is no executor of this name.")

    def _cancel(self, request_id: RequestId, job_id: JobId, run_id: RunId | None) -> CancelRequest:
        return CancelRequest(
            id=request_id,
            job_id=job_id,
            run_id=run_id,
            requested_by=current().name,
            requested_at=self.clock.now(),
        )

    async def _begin(
        self,
        kind: HoldKind,
        subject: str,
        *,
        by: str,
        until: datetime | None = None,
        replaces: bool = False,
    ) -> None:
        now = self.clock.now()
        hold = Hold(kind=kind, subject=subject, begun_at=now, begun_by=by, ends_at=until)
        try:
            async with self.sessions.begin() as session:
                if replaces:
                    await holds.lift_hold(session, kind, subject, by=by, at=now)
                hold_id = await holds.begin_hold(session, hold)
                detail = "" if until is None else f"until {until.isoformat()}"
                deed = Deed(kind=_BEGUN[kind], by=by, at=now, subject=subject, detail=detail)
                await changes.record(session, deed)
        except IntegrityError:
            return  # somebody was faster with the same wish
        self._tell(RequestId(hold_id))

    async def _lift(self, kind: HoldKind, subject: str, *, by: str) -> None:
        now = self.clock.now()
        async with self.sessions.begin() as session:
            is_lifted = await holds.lift_hold(session, kind, subject, by=by, at=now)
            if is_lifted:
                await changes.record(session, Deed(kind=_LIFTED[kind], by=by, at=now, subject=subject))
        if is_lifted:
            self._tell(RequestId(new_id()))

    def _tell(self, request_id: RequestId) -> None:
        self.wakeups.requested(request_id)
        self.on_held()


def _check_pool(name: str) -> None:
    if not is_pool_name(name):
        raise InvalidInput("pool", "No pool can have this name.")


def _check_key(key: str) -> None:
    if not is_limit_key(key):
        raise InvalidInput("limit_key", KEY_NAMES)


async def _job_of_going(session: AsyncSession, run_id: RunId) -> JobId:
    """Return the job of a run that has not ended, also of one that is only asked for."""
    standing = await standing_of(session, run_id)
    if standing is not None:
        job_id, state = standing
        if state in FINAL and state is not RunState.LOST:
            raise TooLate(f"It is too late: this run is {state.replace('_', ' ')} already.")
        return job_id
    request = await requests.request_of_run(session, run_id)
    if request is None:
        raise NotFound("There is no such run.")
    if request.outcome is not None:
        raise TooLate(f"There is nothing to cancel: the run was {request.outcome}")
    return request.job_id
