"""The other side of the wire: a ledger and a store that answer an executor as the tests tell them.

Nothing of ours is replaced: the executor, the broker and the files are real; this plays the two
services that are not under test, over the same messages and the same broker adapter.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from services.executor.settings import ExecutorSettings
from shared.broker import Broker, Consumer, Outgoing, Publisher, connect, reply
from shared.broker.consumer import Delivery
from shared.domain.errors import BrokerUnavailable, Unroutable
from shared.domain.ids import AttemptId, ExecutorName, JobId, RunId, new_id
from shared.domain.job import Network, OnLost
from shared.domain.sandbox import MinSandbox
from shared.messages.answers import (
    AttemptStanding,
    ClaimAnswer,
    Grant,
    Refusal,
    ReleaseAnswer,
    RenewAnswer,
    SealedSecret,
    SignedGrant,
    Standing,
)
from shared.messages.commands import AttemptClaim, AttemptRelease, JobDue, LeaseRenew, LogStored
from shared.messages.envelope import AttemptRef, Message
from shared.messages.events import RunFinished, RunOutput, RunStarted
from shared.messages.signing import sign
from shared.messages.topology import (
    CLAIMS,
    LOG_STORE,
    SCHEDULER_EVENTS,
    Exchange,
    control_key,
    due_key,
    due_queue,
)

KEY = "5e" * 32
BOUND_S = 40
NAME = ExecutorName("executor-under-test")


def instant() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an attempt shall run."""

    ref: AttemptRef
    run_id: RunId
    job_id: JobId
    script: str
    args: tuple[str, ...] = ()
    timeout_s: float = 60  # longer than any wait: a test that waits in vain must not be saved by it
    kill_grace_s: float = 1
    on_lost: OnLost = OnLost.FAIL
    max_output_bytes: int = 10_000_000
    merge_output: bool = False
    network: Network = Network.HOST
    pinned_sha256: str | None = None
    resources: dict[str, int] = field(default_factory=dict)
    min_sandbox: MinSandbox = MinSandbox.ANY
    secrets: tuple[SealedSecret, ...] = ()
    log_seq: int = 0


@dataclass
class Ledger:
    """Scheduler and store of one test; every list is in the order of arrival."""

    broker: Broker
    publisher: Publisher
    jobs: dict[AttemptId, Wanted] = field(default_factory=dict)
    claims: list[AttemptClaim] = field(default_factory=list)
    releases: list[AttemptRelease] = field(default_factory=list)
    renewals: list[LeaseRenew] = field(default_factory=list)
    renewal_answers: list[RenewAnswer] = field(default_factory=list)
    started: list[RunStarted] = field(default_factory=list)
    finished: list[RunFinished] = field(default_factory=list)
    chunks: list[RunOutput] = field(default_factory=list)
    # what the tests turn
    ignored_claims: int = 0
    refuses: set[AttemptId] = field(default_factory=set)
    key: bytes = KEY.encode()
    settles: bool = True
    stores: bool = True
    answers_renewals: bool = True
    drains: bool = False
    gone: set[JobId] = field(default_factory=set)
    says: dict[AttemptId, Standing] = field(default_factory=dict)
    before_grant: Callable[[], Awaitable[None]] | None = None
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def due(
        self,
        script: str,
        *,
        urgent: bool = False,
        refused: bool = False,
        said_to: MinSandbox = MinSandbox.ANY,
        **wanted: object,
    ) -> Wanted:
        """Let an attempt of this script be due, for those who offer the level `said_to`."""
        ref = AttemptRef(AttemptId(new_id()), 1)
        attempt = Wanted(ref=ref, run_id=RunId(new_id()), job_id=JobId(new_id()), script=script, **wanted)  # type: ignore[arg-type]
        self.jobs[ref.attempt_id] = attempt
        if refused:
            self.refuses.add(ref.attempt_id)
        await self.publish_due(attempt, urgent=urgent, said_to=said_to)
        return attempt

    async def publish_due(
        self, wanted: Wanted, *, urgent: bool = False, said_to: MinSandbox = MinSandbox.ANY
    ) -> None:
        message = JobDue(
            source="test",
            time=instant(),
            job_id=wanted.job_id,
            run_id=wanted.run_id,
            attempt_id=wanted.ref.attempt_id,
            token=wanted.ref.token,
        )
        key = due_key("default", urgent=urgent, minimum=said_to)
        await self.publisher.publish(Outgoing(exchange=Exchange.DUE, key=key, message=message))

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something that arrived makes it true; TimeoutError after 40 s."""
        async with asyncio.timeout(BOUND_S), self._news:
            await self._news.wait_for(lambda: bool(holds()))

    async def ended(self, wanted: Wanted) -> RunFinished:
        """Wait for the first report on an attempt."""
        await self.until(lambda: self.reports(wanted))
        return self.reports(wanted)[0]

    def reports(self, wanted: Wanted) -> list[RunFinished]:
        return [report for report in self.finished if report.attempt_id == wanted.ref.attempt_id]

    def copies(self, wanted: Wanted) -> list[RunOutput]:
        return [chunk for chunk in self.chunks if chunk.attempt_id == wanted.ref.attempt_id]

    async def text(self, wanted: Wanted) -> str:
        """Wait for the report and for every chunk it announces; return them joined."""
        report = await self.ended(wanted)

        def found() -> dict[int, str]:
            return {chunk.seq: chunk.text for chunk in self.copies(wanted)}

        await self.until(lambda: set(found()) >= set(range(1, report.last_seq + 1)))
        return "".join(text for _, text in sorted(found().items()))

    async def depth(self, *, urgent: bool = False) -> int:
        return await self.publisher.depth(due_queue("default", urgent=urgent))

    async def say(self, message: Message) -> None:
        """Say something to the executor under test."""
        key = control_key(NAME)
        await self.publisher.publish(Outgoing(exchange=Exchange.CONTROL, key=key, message=message))

    async def answer_claims(self, consumer: Consumer) -> None:
        while True:
            delivery = await consumer.next()
            await self._answer(delivery)
            await delivery.ack()
            await self._tell()

    async def _answer(self, delivery: Delivery) -> None:
        match delivery.message:
            case AttemptClaim() as claim:
                self.claims.append(claim)
                await self._tell()
                if len(self.claims) <= self.ignored_claims:
                    return
                if self.before_grant is not None:
                    await self.before_grant()
                await reply(self.publisher, delivery, self._claim_answer(claim))
            case AttemptRelease() as release:
                self.releases.append(release)
                refs = tuple(ref.attempt_id for ref in release.attempts)
                answer = ReleaseAnswer(source="test", time=instant(), attempts=refs)
                await reply(self.publisher, delivery, answer)
            case LeaseRenew() as renewal:
                self.renewals.append(renewal)
                if self.answers_renewals:
                    self.renewal_answers.append(self._renewal_answer(renewal))
                    await reply(self.publisher, delivery, self.renewal_answers[-1])

    def _claim_answer(self, claim: AttemptClaim) -> ClaimAnswer:
        granted = [ref for ref in claim.attempts if ref.attempt_id not in self.refuses]
        return ClaimAnswer(
            source="test",
            time=instant(),
            claim_id=claim.claim_id,
            grants=tuple(self._grant(claim, ref) for ref in granted),
            refusals=tuple(
                Refusal(attempt_id=ref.attempt_id, token=ref.token, reason="cancelled")
                for ref in claim.attempts
                if ref not in granted
            ),
        )

    def _grant(self, claim: AttemptClaim, ref: AttemptRef) -> SignedGrant:
        wanted = self.jobs[ref.attempt_id]
        grant = Grant(
            claim_id=claim.claim_id,
            executor=claim.executor,
            boot=claim.boot,
            attempt_id=ref.attempt_id,
            token=ref.token,
            number=1,
            run_id=wanted.run_id,
            run_number=7,
            job_id=wanted.job_id,
            job_name="a job",
            script=wanted.script,
            args=wanted.args,
            nominal_at=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
            due_at=instant(),
            timeout_s=wanted.timeout_s,
            kill_grace_s=wanted.kill_grace_s,
            on_lost=wanted.on_lost,
            max_output_bytes=wanted.max_output_bytes,
            merge_output=wanted.merge_output,
            network=wanted.network,
            pinned_sha256=wanted.pinned_sha256,
            resources=wanted.resources,
            min_sandbox=wanted.min_sandbox,
            secrets=wanted.secrets,
            log_seq=wanted.log_seq,
        )
        return sign(grant, self.key)

    def _renewal_answer(self, renewal: LeaseRenew) -> RenewAnswer:
        reported = {report.attempt_id for report in self.finished}

        def standing(ref: AttemptRef, *, ended: bool) -> Standing:
            if ref.attempt_id in self.says:
                return self.says[ref.attempt_id]
            if not ended:
                return Standing.RENEWED
            return Standing.SETTLED if self.settles and ref.attempt_id in reported else Standing.REPORT

        said = [(ref, standing(ref, ended=False)) for ref in renewal.running]
        said += [(ref, standing(ref, ended=True)) for ref in renewal.unsettled]
        return RenewAnswer(
            source="test",
            time=instant(),
            beat_seq=renewal.beat_seq,
            drain=self.drains,
            gone=tuple(job for job in renewal.states if job in self.gone),
            attempts=tuple(
                AttemptStanding(attempt_id=ref.attempt_id, token=ref.token, standing=word)
                for ref, word in said
            ),
        )

    async def hear_events(self, consumer: Consumer) -> None:
        while True:
            delivery = await consumer.next()
            match delivery.message:
                case RunStarted() as event:
                    self.started.append(event)
                case RunFinished() as event:
                    self.finished.append(event)
            await delivery.ack()
            await self._tell()

    async def store_output(self, consumer: Consumer) -> None:
        while True:
            delivery = await consumer.next()
            assert isinstance(delivery.message, RunOutput)
            self.chunks.append(delivery.message)
            if self.stores:
                await self.say_stored(delivery.message)
            await delivery.ack()
            await self._tell()

    async def say_stored(self, chunk: RunOutput) -> None:
        """Acknowledge every chunk up to the first gap, as the store does."""
        have = {other.seq for other in self.chunks if other.attempt_id == chunk.attempt_id}
        seq = next(number for number in range(1, len(have) + 2) if number not in have) - 1
        stored = LogStored(source="test", time=instant(), attempt_id=chunk.attempt_id, seq=seq)
        key = control_key(chunk.executor)
        try:
            await self.publisher.publish(Outgoing(exchange=Exchange.CONTROL, key=key, message=stored))
        except (Unroutable, BrokerUnavailable):
            return  # the executor has gone meanwhile: it will ask by sending again

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


@asynccontextmanager
async def ledger(amqp_url: str) -> AsyncIterator[Ledger]:
    """Play scheduler and store on this vhost."""
    async with (
        connect(amqp_url, name="ledger of the test") as broker,
        Publisher.on(broker, declares=True) as publisher,
        Consumer.on(broker, CLAIMS, prefetch=100) as claims,
        Consumer.on(broker, SCHEDULER_EVENTS, prefetch=100) as events,
        Consumer.on(broker, LOG_STORE, prefetch=100) as output,
    ):
        played = Ledger(broker, publisher)
        async with asyncio.TaskGroup() as group:
            loops = [
                group.create_task(played.answer_claims(claims)),
                group.create_task(played.hear_events(events)),
                group.create_task(played.store_output(output)),
            ]
            yield played
            for loop in loops:
                loop.cancel()


def settings_for(amqp_url: str, folder: Path, **other: object) -> ExecutorSettings:
    """Settings of an executor whose files are below `folder`; scripts are in `folder/scripts`."""
    key_file = folder / "grant.key"
    key_file.write_text(KEY)
    (folder / "scripts").mkdir(exist_ok=True)
    usual = {"scripts_dir": folder / "scripts", "executor_name": NAME, "sandbox": "process"}
    usual["states_dir"] = folder / "states"
    return ExecutorSettings(
        amqp_url=SecretStr(amqp_url),
        home=folder,
        grant_key_file=key_file,
        **{**usual, **other},  # type: ignore[arg-type]
    )


def write_script(folder: Path, name: str, text: str) -> None:
    path = folder / "scripts" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def spools(folder: Path) -> list[Path]:
    return sorted((folder / "executors" / NAME / "spool").glob("*"))


def journal(folder: Path) -> list[Path]:
    return sorted((folder / "executors" / NAME / "journal").glob("*"))
