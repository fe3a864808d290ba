"""Notices executors that went silent and takes what they held for lost.

Silence is observed, not computed from timestamps: a stepped clock, a scheduler that was stopped or a
broker that was away makes nobody silent. It counts only while our own question through the same
queue is answered, and never more than a little per look.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.announcer import SOURCE
from services.scheduler.endings import Ending, lose_attempt
from services.scheduler.ledger import Effects, Ledger
from shared.broker import Requests
from shared.db.attempts import holders, running_of
from shared.db.executors import ExecutorView, executors, set_offline
from shared.db.locks import lock_executors, lock_jobs_of_executor
from shared.domain.errors import BrokerUnavailable
from shared.domain.ids import BootId, ExecutorName, JobId, new_id
from shared.domain.run import Reason, RunState
from shared.messages.commands import AttemptRelease

log = structlog.get_logger()

TICK_S = 2.0
_MOST_PER_TICK_S = 2.0
_LOOPBACK_S = 1.0

Holder: TypeAlias = tuple[ExecutorName, BootId]
"""One start of one executor: what can fall silent."""
Sign: TypeAlias = tuple[int | None, datetime | None]
"""The newest beat, None if it never beat, and when it last claimed what it still holds.

A claim is a sign of life, too: whoever was granted an attempt may run it for as long as a lease from then on,
however long it had been silent before.
"""


@dataclass(frozen=True, slots=True)
class Watch:
    """The newest sign of a holder, and for how long that stands still."""

    sign: Sign
    silent_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one look at the ledger shows."""

    rows: dict[ExecutorName, ExecutorView]
    holding: dict[Holder, datetime | None]

    def signs(self) -> dict[Holder, Sign]:
        """Return the newest sign of everyone to be watched: who is online, and who holds attempts."""
        online = {(row.name, row.boot) for row in self.rows.values() if row.online}
        return {holder: self.sign_of(holder) for holder in {*online, *self.holding}}

    def sign_of(self, holder: Holder) -> Sign:
        """Return the holder's newest sign; a boot that was followed by another has no beat."""
        row = self.rows.get(holder[0])
        beat = row.beat_seq if row is not None and row.boot == holder[1] else None
        return beat, self.holding.get(holder)


def watched(
    before: dict[Holder, Watch], signs: dict[Holder, Sign], *, elapsed_s: float, counts: bool
) -> dict[Holder, Watch]:
    """Return the watches after one more look; `counts` says that our own question was answered."""
    more_s = min(elapsed_s, _MOST_PER_TICK_S) if counts else 0.0
    after = {}
    for holder, sign in signs.items():
        known = before.get(holder)
        if known is None or known.sign != sign:
            after[holder] = Watch(sign)
        else:
            after[holder] = Watch(sign, known.silent_s + more_s)
    return after


class Reaper:
    """One loop that looks every `TICK_S`."""

    def __init__(self, ledger: Ledger, requests: Requests, *, lost_after_s: float) -> None:
        self._ledger = ledger
        self._clock = ledger.clock
        self._requests = requests
        self._lost_after_s = lost_after_s
        self._watches: dict[Holder, Watch] = {}
        self._looked_at = self._clock.monotonic()
        self._identity = BootId(new_id())

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(TICK_S)

    async def look(self) -> None:
        """Look once, and end what was silent for too long."""
        sight = await self._ledger.write(lambda session, _: _see(session))
        signs = sight.signs()
        counts = bool(signs) and await self._is_heard()
        now = self._clock.monotonic()
        elapsed_s, self._looked_at = now - self._looked_at, now
        self._watches = watched(self._watches, signs, elapsed_s=elapsed_s, counts=counts)
        for holder, watch in list(self._watches.items()):
            if watch.silent_s >= self._lost_after_s:
                await self._reap(holder, watch)
                del self._watches[holder]

    async def _is_heard(self) -> bool:
        """Ask ourselves an empty question by the way that renewals take."""
        question = AttemptRelease(
            source=SOURCE,
            time=self._clock.now(),
            executor=ExecutorName("scheduler loopback"),
            boot=self._identity,
            attempts=(),
        )
        try:
            await self._requests.ask(question, timeout_s=_LOOPBACK_S)
        except BrokerUnavailable as error:
            log.warning("own question not answered", error=str(error))
            return False
        return True

    async def _reap(self, holder: Holder, watch: Watch) -> None:
        async def work(session: AsyncSession, effects: Effects) -> None:
            jobs = await lock_jobs_of_executor(session, holder[0])
            await lock_executors(session, (holder[0],))
            sight = await _see(session)
            # Whoever was heard since we counted, by any scheduler, is not silent: this transaction decides.
            if sight.sign_of(holder) == watch.sign:
                await self._lose_all(session, effects, holder, sight, jobs)

        await self._ledger.write(work)

    async def _lose_all(
        self, session: AsyncSession, effects: Effects, holder: Holder, sight: Sight, jobs: set[JobId]
    ) -> None:
        name, boot = holder
        row = sight.rows.get(name)
        is_replaced = row is not None and row.boot != boot
        if row is not None and not is_replaced and row.online:
            await set_offline(session, name, boot=boot, beat_seq=row.beat_seq)
            effects.executor_offline(row)
            log.warning("executor offline", executor=name, boot=str(boot))
        ending = Ending(
            state=RunState.LOST,
            reason=Reason.EXECUTOR_GONE if is_replaced else Reason.SILENT,
            detail=(
                f"executor {name} was started again and did not report it"
                if is_replaced
                else f"executor {name} was silent for {self._lost_after_s:g} s"
            ),
            finished_at=self._clock.now(),
        )
        for attempt in (await running_of(session, name, boot=boot)).values():
            if attempt.job_id in jobs:
                await lose_attempt(session, effects, attempt, ending)


async def _see(session: AsyncSession) -> Sight:
    return Sight(rows={row.name: row for row in await executors(session)}, holding=await holders(session))
