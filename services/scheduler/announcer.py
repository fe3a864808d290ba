"""Says what changed, after the commit: to the portals that watch, and to executors that must stop a run.

Nothing said here is the only copy of anything: who misses it reads the ledger, or hears it with the
answer to a renewal. So it is neither stored nor said twice.
"""

import os
import platform
from collections.abc import Iterable
from itertools import islice

import structlog
from sqlalchemy.exc import SQLAlchemyError

from services.scheduler.wakeup import WakeUp
from shared.broker import Outgoing, Publisher
from shared.db.engine import Sessions
from shared.db.executors import ExecutorView
from shared.db.runs import RunFacts, run_facts
from shared.domain.ids import RunId
from shared.messages.envelope import Message
from shared.messages.events import ExecutorChanged, RunChanged
from shared.messages.topology import Exchange
from shared.runtime.clock import Clock

log = structlog.get_logger()

SOURCE = f"scheduler@{platform.node()}:{os.getpid()}"
"""Which of the schedulers says it."""
_BATCH = 200
_MOST_WAITING = 10_000
_IDLE_S = 60.0
_TOGETHER_S = 0.03
"""Changes of one run that follow each other so closely are one to a person."""


class Announcer:
    """Collects what is to be said and says it in batches; runs are said as they stand by then."""

    def __init__(self, publisher: Publisher, reading: Sessions, clock: Clock) -> None:
        self._publisher = publisher
        self._reading = reading
        self._clock = clock
        self._runs: dict[RunId, None] = {}
        self._words: list[Outgoing] = []
        self._wake = WakeUp()

    def runs_changed(self, run_ids: Iterable[RunId]) -> None:
        """Note that these runs are to be announced: once, however often they change until then."""
        self._runs.update(dict.fromkeys(run_ids))
        if self._runs:
            self._wake.call()

    def executor_changed(self, executor: ExecutorView) -> None:
        """Note how this executor is now."""
        word = ExecutorChanged(
            source=SOURCE,
            time=self._clock.now(),
            executor=executor.name,
            online=executor.online,
            draining=executor.draining,
            slots=executor.slots,
            busy=executor.busy,
            last_seen_at=executor.last_seen_at,
        )
        self.say(Exchange.EVENTS, "executor.changed", word)

    def say(self, exchange: Exchange, key: str, message: Message) -> None:
        """Note one message; nobody has to listen to it."""
        # While the broker is away for long the newest words are worth more than the oldest.
        del self._words[: max(0, len(self._words) + 1 - _MOST_WAITING)]
        self._words.append(
            Outgoing(exchange=exchange, key=key, message=message, mandatory=False, persistent=False)
        )
        self._wake.call()

    async def run(self) -> None:
        """Say what is noted, as it comes."""
        while True:
            await self._wake.wait(self._clock, _IDLE_S)
            await self._clock.sleep(_TOGETHER_S)
            while self._runs or self._words:
                await self._publish()

    async def _publish(self) -> None:
        words, self._words = self._words[:_BATCH], self._words[_BATCH:]
        run_ids = list(islice(self._runs, _BATCH))
        for run_id in run_ids:
            del self._runs[run_id]
        outcomes = await self._publisher.publish_all([*words, *await self._changes(run_ids)])
        errors = [outcome for outcome in outcomes if outcome is not None]
        if errors:
            log.warning("changes not announced", count=len(errors), error=str(errors[0]))

    async def _changes(self, run_ids: list[RunId]) -> list[Outgoing]:
        if not run_ids:
            return []
        try:
            async with self._reading.begin() as session:
                facts = await run_facts(session, run_ids)
        except (SQLAlchemyError, TimeoutError) as error:
            # A view that misses a change reads the ledger again; it is not worth stopping for.
            log.warning("changed runs not read", error=repr(error))
            return []
        return [self._changed(run) for run in facts]

    def _changed(self, run: RunFacts) -> Outgoing:
        message = RunChanged(
            source=SOURCE,
            time=self._clock.now(),
            job_id=run.job_id,
            run_id=run.id,
            run_number=run.number,
            state=run.state,
            reason=run.reason,
            cause=run.cause,
            attempt=run.attempt,
            due_at=run.due_at,
            started_at=run.started_at,
            finished_at=run.finished_at,
            executor=run.executor,
            exit_code=run.exit_code,
            signal=run.signal,
            next_due_at=run.next_due_at,
        )
        return Outgoing(
            exchange=Exchange.EVENTS, key="run.changed", message=message, mandatory=False, persistent=False
        )
