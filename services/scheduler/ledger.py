"""Transactions of the ledger and what follows from them: first the state, then the messages.

The core notes in `Effects` what its changes ask for; nothing of it happens before the commit.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf
from typing import TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from services.scheduler.announcer import SOURCE, Announcer
from services.scheduler.wakeup import Agenda, WakeUp
from shared.db.attempts import AttemptView, NewAttempt
from shared.db.engine import LOCKED_OR_DOWN, Sessions
from shared.db.executors import ExecutorView
from shared.db.schema import lacks_table, not_migrated, problem_found
from shared.db.waiting import Waiting
from shared.domain.ids import ExecutorName, JobId, RunId
from shared.domain.run import Cause
from shared.domain.sandbox import MinSandbox
from shared.messages.commands import RunCancel
from shared.messages.envelope import AttemptRef
from shared.messages.topology import Exchange, control_key
from shared.runtime.clock import Clock

log = structlog.get_logger()

Result = TypeVar("Result")


@dataclass(slots=True)
class Effects:
    """What a transaction asks for once it is committed."""

    changed: dict[RunId, None] = field(default_factory=dict)
    armed: list[Waiting] = field(default_factory=list)
    held: list[tuple[datetime, JobId]] = field(default_factory=list)
    cancels: list[tuple[ExecutorName, AttemptRef]] = field(default_factory=list)
    executors: list[ExecutorView] = field(default_factory=list)
    arrived: set[JobId] = field(default_factory=set)
    """At these jobs an end arrived that they wait for."""
    has_room: bool = False
    """A place of a shared limit is free, or may be."""

    def run_changed(self, run_id: RunId) -> None:
        """Announce this run."""
        self.changed[run_id] = None

    def gives_up(self, attempt: AttemptView) -> None:
        """Let those go on who wait for the place that this attempt had, or waited for."""
        self.has_room |= attempt.limit_key is not None

    def executor_offline(self, executor: ExecutorView) -> None:
        """Announce that this executor is gone without a word."""
        self.executors.append(replace(executor, online=False, draining=False))

    def attempt_again(self, attempt: AttemptView, *, token: int, due_at: datetime) -> None:
        """Publish this attempt once more, under this token, when it is due."""
        again = attempt.as_new(token=token, due_at=due_at)
        self.attempt_queued(again, attempt.cause, attempt.min_sandbox)

    def attempt_queued(self, attempt: NewAttempt, cause: Cause, min_sandbox: MinSandbox) -> None:
        """Publish this new attempt when it is due, to those who fence in as well as its job asks for."""
        self.armed.append(
            Waiting(
                id=attempt.id,
                run_id=attempt.run_id,
                job_id=attempt.job_id,
                token=attempt.token,
                number=attempt.number,
                pool=attempt.pool,
                urgent=attempt.urgent,
                due_at=attempt.due_at,
                cause=cause,
                min_sandbox=min_sandbox,
            )
        )


@dataclass(slots=True)
class LastAnswer:
    """When the database answered last, by the monotonic clock: a fact for the health endpoint."""

    at: float


class Ledger:
    """Where the scheduler writes, and the agendas that its writing fills."""

    def __init__(
        self, sessions: Sessions, clock: Clock, announcer: Announcer, *, patience_s: float = inf
    ) -> None:
        """Write through `sessions`; after `patience_s` in which nothing could be written, give up."""
        self.clock = clock
        self.announcer = announcer
        self.attempts: Agenda[Waiting] = Agenda()
        """What is to be published, by due instant; taken by the relay."""
        self.held: Agenda[JobId] = Agenda()
        """The jobs whose held runs are to be decided, by due instant; taken by the dispatcher."""
        self.arrived: Agenda[JobId] = Agenda()
        """The jobs at which ends arrived that they wait for; taken by the chains."""
        self.room = WakeUp()
        """A shared limit may have a place free: whoever lets in those that wait looks."""
        self.answered = LastAnswer(clock.monotonic())
        self._sessions = sessions
        self._patience_s = patience_s
        self._away_since: float | None = None
        # One transaction at a time in this process; and it is not to be cut in two at the end.
        self._turn = asyncio.Lock()

    async def write(self, work: Callable[[AsyncSession, Effects], Awaitable[Result]]) -> Result:
        """Do `work` in one transaction, then let its effects happen; return what it returns.

        While the database is locked or down it is done again, with backoff, for as long as the patience
        lasts: `work` must bear being repeated, also after a commit whose answer was lost.

        Raises:
            SystemExit: that was too long, or what came back has another schema.
        """
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(LOCKED_OR_DOWN),
            wait=wait_exponential_jitter(multiplier=0.05, max=5, jitter=0.05),
            sleep=self.clock.sleep,
            before_sleep=_say_waiting,
        )
        outcome: tuple[Result, Effects] = await retrying(self._once, work)
        result, effects = outcome
        self._follow(effects)
        return result

    async def _once(
        self, work: Callable[[AsyncSession, Effects], Awaitable[Result]]
    ) -> tuple[Result, Effects]:
        effects = Effects()
        try:
            async with self._turn, self._sessions.begin() as session:
                if self._away_since is not None:
                    await _refuse_other_schema(session)
                result = await work(session, effects)
        except LOCKED_OR_DOWN as error:
            if lacks_table(error):
                raise not_migrated(f"the database has another schema: {error.__cause__}") from error
            self._give_up_in_time(error)
            raise
        self.answered.at, self._away_since = self.clock.monotonic(), None
        return result, effects

    def _give_up_in_time(self, error: Exception) -> None:
        now = self.clock.monotonic()
        if self._away_since is None:
            self._away_since = now
        if now - self._away_since <= self._patience_s:
            return
        # Not an exception that a loop could take for a bad message: this process has to go.
        raise SystemExit(
            f"the database has not answered for {self._patience_s:.0f} s: this scheduler ends, so that "
            "others get what RabbitMQ gave to it. Start it again."
        ) from error

    @asynccontextmanager
    async def at_rest(self) -> AsyncIterator[None]:
        """Let no transaction be under way, nor begin, while inside."""
        async with self._turn:
            yield

    def _follow(self, effects: Effects) -> None:
        for waiting in effects.armed:
            self.attempts.put(waiting.due_at, (waiting,))
        for due_at, job_id in effects.held:
            self.held.put(due_at, (job_id,))
        self.arrived.put(self.clock.now(), effects.arrived)
        if effects.has_room:
            self.room.call()
        for executor, attempt in effects.cancels:
            cancel = RunCancel(source=SOURCE, time=self.clock.now(), attempt=attempt)
            self.announcer.say(Exchange.CONTROL, control_key(executor), cancel)
        self.announcer.runs_changed(effects.changed)
        for one in effects.executors:
            self.announcer.executor_changed(one)


async def _refuse_other_schema(session: AsyncSession) -> None:
    """Look again at what came back after a while: somebody may have restored or migrated it."""
    problem = await problem_found(session)
    if problem is not None:
        raise not_migrated(problem)


def _say_waiting(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("waiting for the database", attempt=state.attempt_number, error=repr(error))
