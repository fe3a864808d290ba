"""What the scheduler's tests arrange: jobs as the ui writes them, executors as they speak."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.announcer import Announcer
from services.scheduler.asked import handle_requests
from services.scheduler.definitions import follow_jobs
from services.scheduler.dispatcher import Dispatcher
from services.scheduler.endings import apply_report
from services.scheduler.grants import grant_claims
from services.scheduler.leases import renew_leases
from services.scheduler.ledger import Effects, Ledger
from services.scheduler.relay import Relay
from services.scheduler.returning import take_back
from services.scheduler.rules import Misfire
from services.scheduler.settings import SchedulerSettings
from services.scheduler.wakeup import News
from shared.broker import Broker, Publisher, connect
from shared.db import jobs
from shared.db.attempts import attempts_by_id
from shared.db.engine import Database
from shared.db.pauses import begin_pause, end_pause
from shared.db.tables import AttemptRow, ExecutorRow, JobLedgerRow, JobRow, RequestRow, RunRow, ScheduleRow
from shared.domain.ids import (
    AttemptId,
    BootId,
    ClaimId,
    ExecutorName,
    JobId,
    RequestId,
    RunId,
    ScheduleId,
    new_id,
)
from shared.domain.job import DEFAULT_POOL, Definition, OnLost
from shared.domain.policy import Overlap, Policy, policy_to_json
from shared.domain.run import Cause, Reason, RunState
from shared.domain.schedules import Interval, Manual, Schedule, to_json
from shared.messages.answers import ClaimAnswer, Grant, RenewAnswer, Standing
from shared.messages.commands import AttemptClaim, AttemptRelease, LeaseRenew
from shared.messages.envelope import AttemptRef
from shared.messages.events import RunFinished
from shared.messages.signing import verified
from shared.messages.topology import due_queue
from tests.support.manual_clock import EPOCH, ManualClock

KEY = b"0123456789abcdef" * 4
RULE = Misfire(grace=timedelta(seconds=60), catch_up=timedelta(hours=24))
SETTINGS = SchedulerSettings(amqp_url="amqp://unused")

Result = TypeVar("Result")


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def at(count: float) -> datetime:
    """Return the instant so many seconds after the tests' beginning of time."""
    return EPOCH + seconds(count)


@dataclass(frozen=True, kw_only=True)
class Holder:
    """One start of one executor, as it names itself."""

    name: ExecutorName = field(default=ExecutorName("one"))
    boot: BootId = field(default_factory=lambda: BootId(new_id()))
    started_at: datetime = EPOCH
    sandbox: str = "process"

    def claim(self, *refs: AttemptRef, claim_id: ClaimId | None = None) -> AttemptClaim:
        return AttemptClaim(
            source="executor",
            time=EPOCH,
            claim_id=claim_id or ClaimId(new_id()),
            executor=self.name,
            boot=self.boot,
            attempts=refs,
            sandbox=self.sandbox,
        )

    def release(self, *refs: AttemptRef) -> AttemptRelease:
        return AttemptRelease(
            source="executor", time=EPOCH, executor=self.name, boot=self.boot, attempts=refs
        )

    def renewal(
        self,
        *running: AttemptRef,
        unsettled: Sequence[AttemptRef] = (),
        beat: int = 1,
        heard: datetime | None = None,
    ) -> LeaseRenew:
        return LeaseRenew(
            source="executor",
            time=EPOCH,
            executor=self.name,
            boot=self.boot,
            beat_seq=beat,
            running=running,
            unsettled=tuple(unsettled),
            slots=4,
            pools=(DEFAULT_POOL,),
            host="here",
            pid=1,
            version="0",
            sandbox=self.sandbox,
            started_at=self.started_at,
            answered_at=heard,
        )

    def report(self, grant: Grant, state: RunState = RunState.SUCCEEDED, **facts: Any) -> RunFinished:
        return RunFinished(
            source="executor",
            time=EPOCH,
            run_id=grant.run_id,
            attempt_id=grant.attempt_id,
            token=grant.token,
            executor=self.name,
            boot=self.boot,
            state=state,
            **{"finished_at": grant.due_at + seconds(1), **facts},
        )


class Desk:
    """The ledger under a manual clock, and what the parts do to it one call at a time."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        self.database = database
        self.clock = clock
        self.effects = Effects()

    async def do(self, work: Callable[[AsyncSession, Effects], Awaitable[Result]]) -> Result:
        """Do this in one transaction, collecting the effects of everything so far."""
        async with self.database.ledger.begin() as session:
            return await work(session, self.effects)

    async def job(
        self, schedule: Schedule | None = None, *, job_id: JobId | None = None, **fields: Any
    ) -> JobId:
        """Store a job as the ui does; by default every 10 s, anchored at the beginning of time."""
        job_id = job_id or JobId(new_id())
        schedule = schedule or Interval(every=seconds(10), anchor=EPOCH)
        definition = Definition(**{"name": f"job {job_id}", "script": "hello.py", **fields})
        async with self.database.ledger.begin() as session:
            await jobs.insert(session, job_id, definition, now=self.clock.now())
            await jobs.replace_schedule(session, job_id, schedule, "UTC", now=self.clock.now())
        await self.follow()
        return job_id

    async def add_schedule(self, job_id: JobId, schedule: Schedule, **fields: Any) -> ScheduleId:
        """Give the job one more schedule, and the new version that goes with it."""
        schedule_id = ScheduleId(new_id())

        async def change(session: AsyncSession, head: jobs.JobHead, *, now: datetime) -> bool:
            values = {"zone": "UTC", "args": None, "created_at": now, **fields}
            session.add(ScheduleRow(id=schedule_id, job_id=job_id, spec=to_json(schedule), **values))
            return await jobs.set_paused(session, head, head.paused_at, now=now)

        await self.change(job_id, change)
        return schedule_id

    async def set_policy(self, job_id: JobId, **policy: Any) -> None:
        """Let the job have this policy from now on."""

        async def change(session: AsyncSession, head: jobs.JobHead, *, now: datetime) -> bool:
            statement = update(JobRow).where(JobRow.id == job_id)
            await session.execute(statement.values(policy=policy_to_json(Policy(**policy))))
            return await jobs.set_paused(session, head, head.paused_at, now=now)

        await self.change(job_id, change)

    async def change(self, job_id: JobId, change: Callable[..., Awaitable[object]], *args: Any) -> None:
        """Change a job as the ui does, by one of `shared.db.jobs`; the scheduler hears of it."""
        await self.change_unseen(job_id, change, *args)
        await self.follow()

    async def change_unseen(
        self, job_id: JobId, change: Callable[..., Awaitable[object]], *args: Any
    ) -> None:
        """Change a job as the ui does, while no scheduler looks."""
        async with self.database.ledger.begin() as session:
            head = await jobs.head_of(session, job_id)
            assert await change(session, head, *args, now=self.clock.now())

    async def pause(self, job_id: JobId) -> None:
        await self.pause_unseen(job_id)
        await self.follow()

    async def resume(self, job_id: JobId) -> None:
        await self.resume_unseen(job_id)
        await self.follow()

    async def pause_unseen(self, job_id: JobId) -> None:
        """Pause a job as the ui does, with its history, while no scheduler looks."""

        async def change(session: AsyncSession, head: jobs.JobHead, *, now: datetime) -> bool:
            await begin_pause(session, job_id, by="somebody", at=now)
            return await jobs.set_paused(session, head, now, now=now)

        await self.change_unseen(job_id, change)

    async def resume_unseen(self, job_id: JobId) -> None:
        """Resume a job as the ui does, with its history, while no scheduler looks."""

        async def change(session: AsyncSession, head: jobs.JobHead, *, now: datetime) -> bool:
            await end_pause(session, job_id, by="somebody", at=now)
            return await jobs.set_paused(session, head, None, now=now)

        await self.change_unseen(job_id, change)

    async def delete(self, job_id: JobId) -> None:
        await self.change(job_id, jobs.mark_deleted)

    async def follow(self) -> None:
        await self.do(lambda s, e: follow_jobs(s, e, None, misfire=RULE, now=self.clock.now()))

    async def ask(self, job_id: JobId, kind: str = "run_now", run_id: RunId | None = None) -> RunId:
        """Store a request as the ui does, and let the scheduler handle what waits."""
        run_id = run_id or RunId(new_id())
        await self.store_request(job_id, kind, run_id)
        await self.handle()
        return run_id

    async def backfill(self, job_id: JobId, after: datetime, until: datetime, **scope: Any) -> str | None:
        """Ask for the instants of a range, and return what the scheduler made of it."""
        values = {"after": after.isoformat(), "until": until.isoformat(), "which": "all", **scope}
        await self.store_request(job_id, "backfill", None, scope=values)
        await self.handle()
        return (await self.requests())[-1].outcome

    async def store_request(
        self, job_id: JobId, kind: str, run_id: RunId | None, *, scope: dict[str, Any] | None = None
    ) -> None:
        async with self.database.ledger.begin() as session:
            session.add(
                RequestRow(
                    id=RequestId(new_id()),
                    kind=kind,
                    job_id=job_id,
                    run_id=run_id,
                    requested_by="somebody",
                    cause=Cause.MANUAL,
                    requested_at=self.clock.now(),
                    scope=scope,
                )
            )

    async def handle(self) -> None:
        await self.do(lambda s, e: handle_requests(s, e, misfire=RULE, now=self.clock.now()))

    async def claim(self, *claims: AttemptClaim) -> list[ClaimAnswer]:
        return await self.do(lambda s, e: grant_claims(s, e, claims, key=KEY, now=self.clock.now()))

    async def granted(self, holder: Holder, attempt: AttemptRow) -> Grant:
        """Let this executor have the attempt."""
        (answer,) = await self.claim(holder.claim(ref(attempt)))
        (signed,) = answer.grants
        return verified(signed, KEY)

    async def release(self, release: AttemptRelease) -> None:
        await self.do(lambda s, e: take_back(s, e, release, now=self.clock.now()))

    async def renew(self, renewal: LeaseRenew) -> RenewAnswer:
        return await self.do(lambda s, e: renew_leases(s, e, renewal, now=self.clock.now()))

    async def standing(self, renewal: LeaseRenew) -> Standing:
        """Return how the ledger sees the one attempt of this renewal."""
        (only,) = (await self.renew(renewal)).attempts
        return only.standing

    async def report(self, report: RunFinished) -> bool:
        async def work(session: AsyncSession, effects: Effects) -> bool:
            attempts = await attempts_by_id(session, {report.attempt_id})
            attempt = attempts[report.attempt_id]
            return await apply_report(session, effects, attempt, report, now=self.clock.now())

        return await self.do(work)

    async def runs(self, job_id: JobId | None = None) -> list[RunRow]:
        """Return the runs, in the order in which they got their numbers."""
        statement = select(RunRow).order_by(RunRow.job_id, RunRow.number)
        if job_id is not None:
            statement = statement.where(RunRow.job_id == job_id)
        async with self.database.reading.begin() as session:
            return list(await session.scalars(statement))

    async def run(self, run_id: RunId) -> RunRow:
        (run,) = [run for run in await self.runs() if run.id == run_id]
        return run

    async def states(self, job_id: JobId | None = None) -> list[tuple[RunState, Reason | None]]:
        return [(run.state, run.reason) for run in await self.runs(job_id)]

    async def attempts(self) -> list[AttemptRow]:
        async with self.database.reading.begin() as session:
            return list(await session.scalars(select(AttemptRow).order_by(AttemptRow.due_at, AttemptRow.id)))

    async def attempt(self) -> AttemptRow:
        """Return the only attempt there is."""
        (only,) = await self.attempts()
        return only

    async def newest_attempt(self) -> AttemptRow:
        return max(await self.attempts(), key=lambda attempt: attempt.id)

    async def ledger_of(self, job_id: JobId) -> JobLedgerRow:
        async with self.database.reading.begin() as session:
            return (await session.scalars(select(JobLedgerRow).where(JobLedgerRow.job_id == job_id))).one()

    async def requests(self) -> list[RequestRow]:
        async with self.database.reading.begin() as session:
            return list(await session.scalars(select(RequestRow).order_by(RequestRow.id)))

    async def executor(self, name: str = "one") -> ExecutorRow:
        async with self.database.reading.begin() as session:
            return (await session.scalars(select(ExecutorRow).where(ExecutorRow.name == name))).one()


class Stage:
    """A desk whose parts can publish: the real loops' objects, driven by hand."""

    def __init__(self, desk: Desk, broker: Broker, publisher: Publisher) -> None:
        self.desk = desk
        self.broker = broker
        self.publisher = publisher
        self.announcer = Announcer(publisher, desk.database.reading, desk.clock)
        self.ledger = Ledger(desk.database.ledger, desk.clock, self.announcer)
        self.news = News()
        self.dispatcher = Dispatcher(self.ledger, self.news, SETTINGS)
        self.relay = Relay(self.ledger, publisher, grace=RULE.grace)

    @classmethod
    @asynccontextmanager
    async def on(cls, desk: Desk, amqp_url: str) -> AsyncIterator["Stage"]:
        async with connect(amqp_url, name="test") as broker, Publisher.on(broker, declares=True) as publisher:
            yield cls(desk, broker, publisher)

    async def plan(self) -> None:
        await self.dispatcher.plan_due()

    async def decide(self) -> None:
        """Decide what is held and due."""
        now = self.desk.clock.now()
        await self.dispatcher.decide(set(self.ledger.held.take_due(now, limit=1_000)))

    async def publish_due(self) -> int:
        """Publish what the agenda holds for now; return how many attempts that were."""
        due = self.ledger.attempts.take_due(self.desk.clock.now(), limit=1_000)
        await self.relay.publish(due)
        return len(due)

    async def depth(self, *, urgent: bool = False) -> int:
        return await self.publisher.depth(due_queue(DEFAULT_POOL, urgent=urgent))


def ref(attempt: AttemptRow, *, token: int | None = None) -> AttemptRef:
    return AttemptRef(AttemptId(attempt.id), attempt.token if token is None else token)


def manual() -> Manual:
    return Manual()


ALLOW, RETRY = {"overlap": Overlap.ALLOW}, {"on_lost": OnLost.RETRY}
