"""Executors as they speak: they claim, start, report, die, and remember what they were granted."""

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from shared.domain.ids import AttemptId, BootId, ClaimId, ExecutorName, JobId, RunId, new_id
from shared.domain.job import DEFAULT_POOL, OnLost
from shared.domain.run import Reason, RunState
from shared.messages.answers import ClaimAnswer, Grant, ReleaseAnswer, RenewAnswer, Standing
from shared.messages.commands import AttemptClaim, AttemptRelease, JobDue, LeaseRenew
from shared.messages.envelope import AttemptRef, Message
from shared.messages.events import RunFinished
from shared.messages.signing import verified
from tests.simulation.courier import CourierModel
from tests.simulation.machine import SECOND, Machine
from tests.simulation.mix import EXIT_CODES

KEY = b"0123456789abcdef" * 4
NAMES = ("ada", "bob", "cyd")
_MAY_START_S = 15
_SHORT_S, _LONG_S = 5.0, 300.0
"""Scripts take so long, or whole steps of that: those that start together often end together."""
_FENCE_S = 15
_ENDS = (RunState.SUCCEEDED,) * 8 + (RunState.FAILED, RunState.TIMED_OUT)


@dataclass
class Claim:
    """What was asked for under one id, and since when."""

    refs: tuple[AttemptRef, ...]
    first_us: int
    asked: int = 0


@dataclass
class Executor:
    """One start of one executor."""

    name: ExecutorName
    started_at: datetime
    boot: BootId = field(default_factory=lambda: BootId(new_id()))
    beat: int = 0
    is_alive: bool = True
    held: set[AttemptRef] = field(default_factory=set)
    pending: list[AttemptRef] = field(default_factory=list)
    claims: dict[ClaimId, Claim] = field(default_factory=dict)
    releases: dict[AttemptId, AttemptRelease] = field(default_factory=dict)
    running: dict[AttemptId, Grant] = field(default_factory=dict)
    unsettled: dict[AttemptId, RunFinished] = field(default_factory=dict)
    is_renewing: bool = False
    sent_us: dict[int, int] = field(default_factory=dict)
    heard_at: datetime | None = None
    answered_us: int = 0
    """When the newest renewal was sent that was answered: what must not outlive its lease goes by it."""


@dataclass(frozen=True)
class Start:
    """A script that was started: what an overlap is judged by."""

    run_id: RunId
    job_id: JobId
    nominal_at: datetime
    due_at: datetime
    started_us: int


class Crew:
    """All executors, and what they saw: no attempt twice, no overlap that its job forbids."""

    def __init__(self, machine: Machine, courier: CourierModel, random: Random) -> None:
        self._machine = machine
        self._courier = courier
        self._random = random
        self.at_once: dict[JobId, int | None] = {}
        """How many runs of each job may go at once; None: any number."""
        self.longest_s: dict[JobId, float] = {}
        self.complaints: list[str] = []
        self.starts: dict[AttemptId, Start] = {}
        self.on_event: Callable[[str, JobId, str], None] = lambda what, job_id, facts: None
        self._granted: dict[tuple[AttemptId, int], ClaimId] = {}
        self._going: dict[JobId, set[RunId]] = defaultdict(set)
        self.members = {name: Executor(ExecutorName(name), machine.wall) for name in NAMES}
        courier.to_executors, courier.to_asker = self.receive, self.hear
        courier.events.on_ack = self.settle

    @property
    def is_idle(self) -> bool:
        """Say whether no executor has anything left to do or to say."""
        return not any(
            one.is_alive and (one.pending or one.claims or one.releases or one.running or one.unsettled)
            for one in self.members.values()
        )

    def receive(self, message: JobDue) -> None:
        """Take a due message; when nobody is there it stays in its queue."""
        living = [one for one in self.members.values() if one.is_alive]
        if not living:
            self._machine.after(60, lambda: self.receive(message))
            return
        executor = self._random.choice(living)
        ref = AttemptRef(message.attempt_id, message.token)
        if ref in executor.held:
            return
        executor.held.add(ref)
        if not executor.pending:
            self._machine.after(0.005, lambda: self._claim(executor))
        executor.pending.append(ref)

    def hear(self, address: str, message: Message) -> None:
        """Take an answer; one to a boot that is gone reaches nobody."""
        executor = next((one for one in self.members.values() if str(one.boot) == address), None)
        if executor is None or not executor.is_alive:
            return
        match message:
            case ClaimAnswer():
                self._hear_claim(executor, message)
            case ReleaseAnswer(attempts=attempts):
                for attempt_id in attempts:
                    executor.releases.pop(attempt_id, None)
            case RenewAnswer():
                self._hear_renewal(executor, message)
            case _:
                raise AssertionError(f"no executor asked for {message}")

    def _hear_renewal(self, executor: Executor, answer: RenewAnswer) -> None:
        sent_us = executor.sent_us.pop(answer.beat_seq, 0)
        if sent_us >= executor.answered_us:
            executor.answered_us, executor.heard_at = sent_us, answer.time
        for one in answer.attempts:
            match one.standing:
                case Standing.SETTLED:
                    executor.unsettled.pop(one.attempt_id, None)
                case Standing.REVOKED:
                    self._stop(executor, one.attempt_id)
                    executor.unsettled.pop(one.attempt_id, None)
                case Standing.REPORT if one.attempt_id in executor.unsettled:
                    self._courier.tell(executor.unsettled[one.attempt_id])
                case Standing.RENEWED | Standing.CANCEL | Standing.REPORT:
                    pass

    def settle(self, message: Message) -> None:
        """Forget a report that was acknowledged: its renewal would say that it is settled."""
        if isinstance(message, RunFinished):
            for executor in self.members.values():
                if executor.boot == message.boot:
                    executor.unsettled.pop(message.attempt_id, None)

    def kill(self, name: str) -> None:
        """End an executor as by SIGKILL: its scripts die with it."""
        executor = self.members[name]
        executor.is_alive = False
        for attempt_id, grant in executor.running.items():
            self._going[grant.job_id].discard(grant.run_id)
            self.on_event("executor died", grant.job_id, f"attempt {attempt_id} on {name}")
        executor.running.clear()

    def revive(self, name: str) -> None:
        """Start an executor again, with a new boot and no memory."""
        if not self.members[name].is_alive:
            self.members[name] = Executor(ExecutorName(name), self._machine.wall)

    def begin_beats(self) -> None:
        """Take the leases of all who live for renewed just now: between drills nobody is watched."""
        for executor in self.members.values():
            executor.answered_us = self._machine.us

    def beat(self) -> None:
        """Let everyone who lives say so, and end what has outlived its lease."""
        for executor in self.members.values():
            if executor.is_alive:
                if self._machine.us - executor.answered_us > _FENCE_S * SECOND:
                    self._fence(executor)
                self._renew(executor)

    def _fence(self, executor: Executor) -> None:
        """Kill what may run elsewhere by now: its keeper heard of no answer for too long."""
        for attempt_id, grant in list(executor.running.items()):
            if grant.on_lost is OnLost.RETRY:
                self._stop(executor, attempt_id)
                self._report(executor, grant, RunState.LOST, reason=Reason.SILENT)

    def _stop(self, executor: Executor, attempt_id: AttemptId) -> None:
        grant = executor.running.pop(attempt_id, None)
        if grant is not None:
            self._going[grant.job_id].discard(grant.run_id)
            self.on_event("stopped", grant.job_id, f"{grant.nominal_at:%Y-%m-%d %H:%M:%S}")

    def _claim(self, executor: Executor) -> None:
        if not executor.is_alive or not executor.pending:
            return
        refs, executor.pending = tuple(executor.pending), []
        claim_id = ClaimId(new_id())
        executor.claims[claim_id] = Claim(refs, self._machine.us)
        self._ask(executor, claim_id)

    def _ask(self, executor: Executor, claim_id: ClaimId) -> None:
        """Ask for a claim, and again under the same id until there is an answer."""
        claim = executor.claims.get(claim_id)
        if claim is None or not executor.is_alive:
            return
        message = AttemptClaim(
            source="executor",
            time=self._machine.wall,
            claim_id=claim_id,
            executor=executor.name,
            boot=executor.boot,
            attempts=claim.refs,
        )
        self._courier.ask(message, str(executor.boot))
        self._machine.after(min(1 << claim.asked, 3600), lambda: self._ask(executor, claim_id))
        claim.asked += 1

    def _hear_claim(self, executor: Executor, answer: ClaimAnswer) -> None:
        claim = executor.claims.pop(answer.claim_id, None)
        for refusal in answer.refusals:
            # Its message is forgotten, and the ledger may send another one.
            executor.held.discard(AttemptRef(refusal.attempt_id, refusal.token))
        for signed in answer.grants:
            grant = verified(signed, KEY)
            key = grant.attempt_id, grant.token
            if self._granted.setdefault(key, grant.claim_id) != grant.claim_id:
                self.complaints.append(f"G3: {self._named(grant)} was granted to two claims")
            if claim is None:
                continue
            if self._machine.us - claim.first_us > _MAY_START_S * SECOND:
                self._release(executor, AttemptRef(*key))
            else:
                self._start(executor, grant)

    def _start(self, executor: Executor, grant: Grant) -> None:
        if grant.attempt_id in self.starts:
            self.complaints.append(f"G3: {self._named(grant)} was started twice")
        most = self.at_once.get(grant.job_id)
        going = self._going[grant.job_id]
        if most is not None and len(going) >= most:
            self.complaints.append(f"G4: {self._named(grant)} was started beside {len(going)} others")
        if grant.due_at > self._machine.wall:
            self.complaints.append(f"G1: {self._named(grant)} was started before it was due")
        self.starts[grant.attempt_id] = Start(
            grant.run_id, grant.job_id, grant.nominal_at, grant.due_at, self._machine.us
        )
        self.on_event("started", grant.job_id, f"{grant.nominal_at:%Y-%m-%d %H:%M:%S} on {executor.name}")
        going.add(grant.run_id)
        executor.running[grant.attempt_id] = grant
        seconds = min(10 ** self._random.uniform(-1, self.longest_s.get(grant.job_id, 2.0)), grant.timeout_s)
        started_at = self._machine.wall
        seconds = _SHORT_S if seconds <= _SHORT_S * 10 else math.ceil(seconds / _LONG_S) * _LONG_S
        self._machine.after(seconds, lambda: self._finish(executor, grant, started_at, seconds))

    def _finish(self, executor: Executor, grant: Grant, started_at: datetime, seconds: float) -> None:
        if not executor.is_alive or executor.running.pop(grant.attempt_id, None) is None:
            return
        self._going[grant.job_id].discard(grant.run_id)
        state = self._random.choice(_ENDS)
        code = self._random.choice(EXIT_CODES) if state is RunState.FAILED else None
        self._report(executor, grant, state, exit_code=code, started_at=started_at, seconds=seconds)

    def _report(  # noqa: PLR0913 - what a report says
        self,
        executor: Executor,
        grant: Grant,
        state: RunState,
        *,
        reason: Reason | None = None,
        exit_code: int | None = None,
        started_at: datetime | None = None,
        seconds: float = 0.0,
    ) -> None:
        report = RunFinished(
            source="executor",
            time=self._machine.wall,
            run_id=grant.run_id,
            attempt_id=grant.attempt_id,
            token=grant.token,
            executor=executor.name,
            boot=executor.boot,
            state=state,
            reason=reason,
            exit_code=exit_code,
            started_at=started_at or self._machine.wall,
            finished_at=self._machine.wall,
            duration_ms=round(seconds * 1000),
        )
        executor.unsettled[grant.attempt_id] = report
        self._courier.tell(report)
        self._renew_later(executor, 30)

    def _renew_later(self, executor: Executor, seconds: float) -> None:
        """See to it that what is unsettled is asked about, though the report may be on its way."""
        if executor.is_renewing:
            return
        executor.is_renewing = True

        def renew() -> None:
            executor.is_renewing = False
            if executor.is_alive and executor.unsettled:
                self._renew(executor)
                self._renew_later(executor, min(seconds * 2, 7200))

        self._machine.after(seconds, renew)

    def _renew(self, executor: Executor) -> None:
        executor.beat += 1
        executor.sent_us[executor.beat] = self._machine.us
        renewal = LeaseRenew(
            source="executor",
            time=self._machine.wall,
            executor=executor.name,
            boot=executor.boot,
            beat_seq=executor.beat,
            running=tuple(AttemptRef(one.attempt_id, one.token) for one in executor.running.values()),
            unsettled=tuple(AttemptRef(one.attempt_id, one.token) for one in executor.unsettled.values()),
            slots=100,
            pools=(DEFAULT_POOL,),
            host="here",
            pid=1,
            version="0",
            sandbox="process",
            started_at=executor.started_at,
            answered_at=executor.heard_at,
        )
        self._courier.ask(renewal, str(executor.boot))

    def _release(self, executor: Executor, ref: AttemptRef) -> None:
        release = AttemptRelease(
            source="executor",
            time=self._machine.wall,
            executor=executor.name,
            boot=executor.boot,
            attempts=(ref,),
        )
        executor.releases[ref.attempt_id] = release
        self._say_release(executor, release, 0)

    def _say_release(self, executor: Executor, release: AttemptRelease, said: int) -> None:
        if executor.is_alive and executor.releases.get(release.attempts[0].attempt_id) is release:
            self._courier.ask(release, str(executor.boot))
            again_s = min(1 << said, 3600)
            self._machine.after(again_s, lambda: self._say_release(executor, release, said + 1))

    def _named(self, grant: Grant) -> str:
        return (
            f"job {grant.job_name!r}, instant {grant.nominal_at:%Y-%m-%dT%H:%M:%SZ}, attempt {grant.number}"
        )
