"""Shared limits under two schedulers at once: no place is granted twice, and none is lost."""

import asyncio

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.endings import apply_report
from services.scheduler.ledger import Effects
from services.scheduler.limiting import Doorkeeper
from shared.broker import Requests
from shared.db.attempts import attempts_by_id
from shared.db.limits import Limit, set_maximum
from shared.db.locks import lock_jobs_of_attempts, lock_limits
from shared.db.tables import AttemptRow
from shared.domain.run import RunState
from shared.messages.envelope import AttemptRef
from shared.messages.signing import verified
from shared.runtime.settings import DatabaseSettings
from tests.integration.scheduler.stage import KEY as GRANT_KEY
from tests.integration.scheduler.stage import Holder, Stage, manual, ref
from tests.integration.scheduler.test_limits import KEY, SHARED
from tests.integration.scheduler.test_several import Two, answering, answers, two

pytestmark = pytest.mark.parametrize("store", ["postgresql"], indirect=True)
__all__ = ["two"]

PLACES = 2
JOBS = 24


async def test_of_two_jobs_that_share_the_only_place_two_schedulers_start_one(
    two: Two,
    store: DatabaseSettings,
) -> None:
    desk = two[0].desk
    for _ in range(2):
        await desk.ask(await desk.job(manual(), **SHARED))
    attempts = [ref(one) for one in await desk.attempts()]

    heard = await answers(
        store,
        two,
        lambda session: lock_limits(session, {KEY}),
        *(Holder().claim(attempt) for attempt in attempts),
    )

    assert sorted(len(answer.grants) for answer in heard) == [0, 1]


async def test_under_two_schedulers_never_more_run_than_may_and_all_get_their_turn(
    two: Two,
) -> None:
    desk = two[0].desk
    one = Limit(key=KEY, maximum=PLACES, set_by="ann", set_at=desk.clock.now())
    await desk.do(lambda session, _: set_maximum(session, one))
    for _ in range(JOBS):
        await desk.ask(await desk.job(manual(), **SHARED))
    crowd = Crowd(two)
    for attempt in await desk.attempts():
        crowd.due.put_nowait(ref(attempt))

    async with answering(*two) as requests, asyncio.timeout(60):
        await crowd.run(requests)

    assert 1 <= crowd.most <= PLACES
    assert {run.state for run in await desk.runs()} == {RunState.SUCCEEDED}


class Crowd:
    """Executors that claim what is published and end it at once, and count how many are running meanwhile."""

    def __init__(self, two: Two) -> None:
        self.two = two
        self.due: asyncio.Queue[AttemptRef] = asyncio.Queue()
        self.most = 0
        self.keepers = [Doorkeeper(stage.ledger) for stage in two]

    async def run(self, requests: Requests) -> None:
        """Let six of them go on until all has ended."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._claim(requests, self.two[n % 2], n % 2)) for n in range(6)]
            await self.due.join()
            for task in tasks:
                task.cancel()

    async def _running(self) -> int:
        async with self.two[0].desk.database.reading.begin() as session:
            running = select(func.count()).where(AttemptRow.state == RunState.RUNNING)
            return await session.scalar(running) or 0

    async def _claim(self, requests: Requests, stage: Stage, number: int) -> None:
        holder = Holder()
        while True:
            answer = await requests.ask(holder.claim(await self.due.get()), timeout_s=20)
            for signed in answer.grants:
                report = holder.report(verified(signed, GRANT_KEY))
                self.most = max(self.most, await self._running())

                async def end(session: AsyncSession, effects: Effects, report=report) -> bool:
                    await lock_jobs_of_attempts(session, {report.attempt_id})
                    (attempt,) = (await attempts_by_id(session, {report.attempt_id})).values()
                    return await apply_report(session, effects, attempt, report, now=stage.desk.clock.now())

                assert await stage.desk.do(end)
            await self.keepers[number].look()
            for one in stage.ledger.attempts.take_due(stage.desk.clock.now(), limit=100):
                self.due.put_nowait(AttemptRef(one.id, one.token))
            self.due.task_done()
