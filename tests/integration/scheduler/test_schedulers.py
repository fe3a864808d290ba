"""Three schedulers as processes on one ledger, killed in turn: all work, and nothing is done twice."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from shared.broker import Broker, Consumer, Delivery, Outgoing, Publisher, Requests, connect
from shared.db import jobs
from shared.db.engine import open_database
from shared.db.tables import JobRow, RunRow
from shared.domain.errors import BrokerUnavailable
from shared.domain.ids import AttemptId, ClaimId, ExecutorName, JobId, new_id
from shared.domain.job import DEFAULT_POOL, Definition
from shared.domain.policy import Overlap
from shared.domain.run import Reason, RunState
from shared.domain.schedules import Interval
from shared.messages.answers import ClaimAnswer
from shared.messages.commands import JobDue
from shared.messages.envelope import AttemptRef
from shared.messages.signing import verified
from shared.messages.topology import Exchange, due_queue
from shared.runtime.settings import DatabaseSettings
from tests.integration.scheduler.process import scheduler
from tests.integration.scheduler.stage import Holder, seconds
from tests.support.eventually import until, until_found

JOBS, SERVED = 40, 8
"""How many jobs are due each second, and how many of them in the pool that the executors serve."""
KEY = b"ab" * 32
CLOCKS_WRONG_BY_S = (0, 300, -300)
pytestmark = pytest.mark.parametrize("store", ["postgresql"], indirect=True)


@dataclass(kw_only=True)
class Seen:
    """What executors saw: which claims were granted, and which schedulers spoke."""

    granted: dict[AttemptId, set[ClaimId]] = field(default_factory=lambda: defaultdict(set))
    published: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)


@dataclass(kw_only=True)
class Executor:
    """One that ends each script the moment it has the grant, and beats."""

    holder: Holder
    requests: Requests
    publisher: Publisher
    seen: Seen

    @classmethod
    @asynccontextmanager
    async def on(cls, broker: Broker, name: str, seen: Seen) -> AsyncIterator["Executor"]:
        async with (
            Consumer.on(broker, due_queue(DEFAULT_POOL, urgent=False), prefetch=100) as consumer,
            Requests.on(broker) as requests,
            Publisher.on(broker) as publisher,
            asyncio.TaskGroup() as group,
        ):
            holder = Holder(name=ExecutorName(name), started_at=datetime.now(UTC))
            executor = cls(holder=holder, requests=requests, publisher=publisher, seen=seen)
            loops = [group.create_task(executor.run(consumer)), group.create_task(executor.beat())]
            yield executor
            for loop in loops:
                loop.cancel()

    async def run(self, consumer: Consumer) -> None:
        while True:
            await self.take(await consumer.batch(limit=100, within_s=0.02))

    async def take(self, deliveries: list[Delivery]) -> None:
        due = [one.message for one in deliveries if isinstance(one.message, JobDue)]
        self.seen.published.update(one.source for one in due)
        refs = {one.attempt_id: AttemptRef(one.attempt_id, one.token) for one in due}
        claim = self.holder.claim(*refs.values())
        answer: ClaimAnswer | None = None
        while answer is None:
            try:
                heard = await self.requests.ask(claim, timeout_s=1)
            except BrokerUnavailable:
                continue  # whoever had the question was killed: the same claim again
            assert isinstance(heard, ClaimAnswer)
            answer = heard
        self.seen.answered[answer.source] += 1
        now = datetime.now(UTC)
        for signed in answer.grants:
            grant = verified(signed, KEY)
            self.seen.granted[grant.attempt_id].add(claim.claim_id)
            report = self.holder.report(grant, started_at=now, finished_at=now)
            await self.publisher.publish(
                Outgoing(exchange=Exchange.EVENTS, key="run.finished", message=report)
            )
        await deliveries[-1].ack(up_to_here=True)

    async def beat(self) -> None:
        never = asyncio.Event()
        beat = 0
        while True:
            beat += 1
            try:
                await self.requests.ask(self.holder.renewal(beat=beat), timeout_s=1)
            except BrokerUnavailable:
                continue
            try:
                await asyncio.wait_for(never.wait(), 2)
            except TimeoutError:
                continue


@dataclass(kw_only=True)
class Schedulers:
    """Three of them, each with a wall clock of its own, as files say what they say."""

    store: DatabaseSettings
    amqp_url: str
    folder: Path
    running: dict[int, ExitStack] = field(default_factory=dict)

    def start(self, number: int) -> None:
        home = self.folder / str(number)
        home.mkdir(exist_ok=True)
        store = self.store.model_copy(update={"home": home})
        offset = str(CLOCKS_WRONG_BY_S[number])
        self.running[number] = ExitStack()
        log = self.running[number].enter_context((self.folder / "log").open("a"))
        self.running[number].enter_context(
            scheduler(store, self.amqp_url, said=log, settings={"PORTAL_CLOCK_OFFSET_S": offset})
        )

    def kill(self, number: int) -> None:
        self.running.pop(number).close()


@pytest.fixture
def schedulers(store: DatabaseSettings, amqp_url: str, tmp_path: Path) -> Iterator[Schedulers]:
    three = Schedulers(store=store, amqp_url=amqp_url, folder=tmp_path)
    yield three
    for number in list(three.running):
        three.kill(number)


@pytest.mark.timeout(300)
async def test_three_schedulers_killed_in_turn_promise_and_grant_everything_once(
    store: DatabaseSettings, amqp_url: str, schedulers: Schedulers
) -> None:
    ids = await some_jobs(store)
    seen = Seen()

    async with (
        connect(amqp_url, name="test") as broker,
        Executor.on(broker, "one", seen),
        Executor.on(broker, "two", seen),
        asyncio.timeout(240),
    ):
        for number in range(3):
            schedulers.start(number)
        await until(lambda: len(seen.answered) == 3, within_s=60)
        for number in range(3):
            schedulers.kill(number)
            await more_granted(seen, 2 * SERVED)
            schedulers.start(number)
            await until(lambda: len(seen.answered) == 4 + number, within_s=60)  # noqa: B023 - waited for
        stopped_at = datetime.now(UTC)
        await all_ended(store, stopped_at)

    rows = await runs_by_job(store)
    for of_job in rows.values():
        instants = [row.nominal_at for row in of_job]
        assert instants == [instants[0] + seconds(count) for count in range(len(of_job))]
        assert [row.number for row in of_job] == list(range(1, len(of_job) + 1))
        assert instants[-1] < datetime.now(UTC) + seconds(3)
    assert rows.keys() == set(ids)
    assert [claims for claims in seen.granted.values() if len(claims) > 1] == []
    served = [row for job_id in ids[:SERVED] for row in rows[job_id] if row.due_at <= stopped_at]
    ends = {(RunState.SUCCEEDED, None), (RunState.SKIPPED, Reason.OVERLAP)}
    assert {(row.state, row.reason) for row in served} <= ends
    assert "Traceback" not in (schedulers.folder / "log").read_text()
    assert await deadlocks(store) == 0
    # Claims go to all of them in turn. Which of them plans is chance, but each was killed once.
    assert len(seen.published) > 1


async def some_jobs(store: DatabaseSettings) -> list[JobId]:
    """Make jobs that are due each second, every fourth of which must not overlap; the served ones first."""
    ids = [JobId(new_id()) for _ in range(JOBS)]
    now = datetime.now(UTC).replace(microsecond=0)
    async with open_database(store) as database, database.ledger.begin() as session:
        for count, job_id in enumerate(ids):
            overlap = Overlap.SKIP if count % 4 == 0 else Overlap.ALLOW
            pool = DEFAULT_POOL if count < SERVED else "unserved"
            definition = Definition(name=f"job {count}", script="hello.py", overlap=overlap, pool=pool)
            await jobs.insert(session, job_id, definition, now=now)
            schedule = Interval(every=seconds(1), anchor=now)
            await jobs.replace_schedule(session, job_id, schedule, "UTC", now=now)
    return ids


async def more_granted(seen: Seen, count: int) -> None:
    wanted = len(seen.granted) + count
    await until(lambda: len(seen.granted) >= wanted, within_s=60)


async def all_ended(store: DatabaseSettings, due_by: datetime) -> None:
    """Wait until everything that executors serve and that was due by then has ended."""
    going = (RunState.HELD, RunState.QUEUED, RunState.RUNNING)
    statement = (
        select(func.count())
        .select_from(RunRow)
        .join(JobRow, JobRow.id == RunRow.job_id)
        .where(JobRow.pool == DEFAULT_POOL, RunRow.due_at <= due_by, RunRow.state.in_(going))
    )
    async with open_database(store) as database:

        async def none_goes() -> bool:
            async with database.reading.begin() as session:
                return await session.scalar(statement) == 0

        await until_found(none_goes, within_s=60)


async def runs_by_job(store: DatabaseSettings) -> dict[JobId, list[RunRow]]:
    rows = defaultdict(list)
    async with open_database(store) as database, database.reading.begin() as session:
        for row in await session.scalars(select(RunRow).order_by(RunRow.nominal_at)):
            rows[JobId(row.job_id)].append(row)
    return rows


async def deadlocks(store: DatabaseSettings) -> int:
    statement = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    async with open_database(store) as database, database.reading.begin() as session:
        return int(await session.scalar(statement) or 0)
