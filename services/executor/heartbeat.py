"""Renews the leases: the question that is the heartbeat, and whose answer lets runs live or end."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from services.executor.claims import LEASE_S
from services.executor.holdings import Holdings
from services.executor.identity import SOURCE, Identity
from services.executor.reporter import Reporter
from services.executor.states import States
from shared.broker import Requests
from shared.domain.errors import BrokerUnavailable
from shared.messages.answers import AttemptStanding, RenewAnswer, Standing
from shared.messages.commands import LeaseRenew
from shared.messages.envelope import AttemptRef
from shared.runtime.clock import Clock

log = structlog.get_logger()

EVERY_S = 5.0
ASK_AGAIN_S = 1.0
_FAREWELLS = 3
"""So often an executor that leaves says so: who hears none of them notices its silence."""
_SOON_S = 0.5
"""A change is told after this much: enough for the ledger to have read the report it is asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The executor as its renewals tell it, and what their answers want of it."""

    look: Callable[[], tuple[bool, tuple[str, ...]]]
    """Looks at the executor and says whether it takes no more runs, and its problems."""
    is_stopping: Callable[[], bool]
    set_drained: Callable[[bool], bool]
    """Takes whether somebody wants it to take no more runs, and says whether that is new."""
    states: States


class Heartbeat:
    """One loop, one question at a time."""

    def __init__(
        self,
        requests: Requests,
        *,
        identity: Identity,
        holdings: Holdings,
        reporter: Reporter,
        clock: Clock,
        condition: Condition,
    ) -> None:
        self._requests = requests
        self._identity = identity
        self._holdings = holdings
        self._reporter = reporter
        self._clock = clock
        self._condition = condition
        self._beat_seq = 0
        self._answered_at = -LEASE_S
        self._answer_time: datetime | None = None
        self._was_answered = False
        self._is_leaving = False
        self._is_wanted = asyncio.Event()

    @property
    def is_answered(self) -> bool:
        """Say whether a scheduler answered within the length of a lease."""
        return self._clock.monotonic() - self._answered_at < LEASE_S

    def hurry(self) -> None:
        """Beat soon: something has changed."""
        self._is_wanted.set()

    async def leave(self) -> None:
        """Say that this boot is done; for at most 3 s, whether or not anybody hears it."""
        self._is_leaving = True
        for _ in range(_FAREWELLS):
            if await self._beat(self._clock.monotonic()):
                return

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            began = self._clock.monotonic()
            self._is_wanted.clear()
            is_answered = await self._beat(began)
            self._say_whether_answered()
            # Who stops waits for nothing but the last answers.
            is_calm = is_answered and not self._condition.is_stopping()
            await self._rest(began + (EVERY_S if is_calm else ASK_AGAIN_S))

    def _say_whether_answered(self) -> None:
        if self.is_answered != self._was_answered:
            self._was_answered = self.is_answered
            if self.is_answered:
                log.info("a scheduler answers")
            else:
                log.warning("no scheduler answers", held=len(self._holdings.refs))

    async def _beat(self, sent_at: float) -> bool:
        question = self._question()
        try:
            answer = await self._requests.ask(question, timeout_s=ASK_AGAIN_S)
        except BrokerUnavailable:
            return False
        if not isinstance(answer, RenewAnswer):
            log.warning("renewal answered by something else", type=type(answer).__name__)
            return False
        self._answered_at, self._answer_time = sent_at, answer.time
        if self._condition.set_drained(answer.drain):
            self.hurry()
        self._condition.states.take(question.states, answer.gone)
        for standing in answer.attempts:
            await self._obey(standing, lease_until=sent_at + LEASE_S)
        return True

    def _question(self) -> LeaseRenew:
        self._beat_seq += 1
        draining, problems = self._condition.look()
        identity = self._identity
        return LeaseRenew(
            source=SOURCE,
            time=self._clock.now(),
            executor=identity.name,
            boot=identity.boot,
            beat_seq=self._beat_seq,
            running=self._holdings.refs,
            unsettled=self._reporter.refs,
            slots=identity.slots,
            pools=identity.pools,
            host=identity.host,
            pid=identity.pid,
            version=identity.version,
            sandbox=identity.sandbox,
            started_at=identity.started_at,
            draining=draining,
            problems=problems,
            answered_at=self._answer_time,
            leaving=self._is_leaving,
            sandbox_features=identity.sandbox_features,
            preparing=self._holdings.preparing,
            states=self._condition.states.asked,
        )

    async def _obey(self, said: AttemptStanding, *, lease_until: float) -> None:
        ref = AttemptRef(said.attempt_id, said.token)
        match said.standing:
            case Standing.RENEWED:
                self._holdings.extend(ref, lease_until=lease_until)
            case Standing.CANCEL:
                self._holdings.stop(ref)
            case Standing.REVOKED:
                self._holdings.kill(ref)
                # The ledger wants nothing more of it; but it shall have heard its end once.
                if self._reporter.was_sent(ref):
                    await self._reporter.settle(ref)
            case Standing.SETTLED:
                await self._reporter.settle(ref)
            case Standing.REPORT:
                self._reporter.send_again(ref)

    async def _rest(self, until: float) -> None:
        """Sleep until then, or until shortly after something has changed."""
        try:
            async with asyncio.timeout(until - self._clock.monotonic()):
                await self._is_wanted.wait()
        except TimeoutError:
            return
        await self._clock.sleep(min(_SOON_S, until - self._clock.monotonic()))
