"""Takes due attempts from the queues, as many as there are free slots, claims them and starts them.

One loop decides; a message is unacknowledged for seconds, never for the length of a script. What
waits here together is claimed together.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from services.executor.claims import Claims
from services.executor.holdings import Holdings
from services.executor.slots import Slots
from shared.broker import Consumer, Delivery
from shared.messages.commands import JobDue
from shared.messages.envelope import AttemptRef
from shared.runtime.clock import Clock

HOLD_S = 1.0
"""What is not claimed by then goes back to its queue: another executor may have room."""
_LOOK_S = 0.25
MAX_CLAIM = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A queue that is consumed here."""

    consumer: Consumer
    urgent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    delivery: Delivery
    ref: AttemptRef
    urgent: bool
    since: float


class Intake:
    """The way in. `is_open` is asked before more is taken: no problems, and not draining."""

    def __init__(
        self,
        queues: tuple[Due, ...],
        *,
        claims: Claims,
        holdings: Holdings,
        slots: Slots,
        clock: Clock,
        is_open: Callable[[], bool],
    ) -> None:
        self._queues = queues
        self._claims = claims
        self._holdings = holdings
        self._slots = slots
        self._clock = clock
        self._is_open = is_open
        self._waiting: list[_Waiting] = []
        self._claiming_since: float | None = None
        self._wake = asyncio.Event()
        self.is_shut = asyncio.Event()
        """Set once it is not open, and nothing waits or is claimed any more."""

    @property
    def is_claiming(self) -> bool:
        """Say whether a claim waits for its answer."""
        return self._claiming_since is not None

    @property
    def is_consuming(self) -> bool:
        """Say whether the broker may send, or every slot is taken."""
        is_full = not self._slots.has_room(urgent=False)
        return is_full or any(due.consumer.is_consuming for due in self._queues)

    def look(self) -> None:
        """Look again at once: a slot is free, or whether it is open has changed."""
        self._wake.set()

    async def run(self) -> None:
        """Take attempts until cancelled."""
        async with asyncio.TaskGroup() as group:
            for due in self._queues:
                group.create_task(self._receive(due))
            while True:
                await self._turn(group)
                await self._rest()

    async def _receive(self, due: Due) -> None:
        while True:
            delivery = await due.consumer.next()
            message = delivery.message
            if not isinstance(message, JobDue):
                await delivery.park("only job.due belongs into this queue")
                continue
            ref = AttemptRef(message.attempt_id, message.token)
            if any(waiting.ref == ref for waiting in self._fresh()):
                await delivery.ack()
                continue
            since = self._clock.monotonic()
            self._waiting.append(_Waiting(delivery=delivery, ref=ref, urgent=due.urgent, since=since))
            self._wake.set()

    async def _turn(self, group: asyncio.TaskGroup) -> None:
        await self._drop_known()
        if not self.is_claiming and (picked := self._pick()):
            self._claiming_since = self._clock.monotonic()
            group.create_task(self._claim(picked))
        await self._give_back()
        for due in self._queues:
            await self._set_gate(due)
        if not (self._is_open() or self._waiting or self.is_claiming):
            self.is_shut.set()

    async def _drop_known(self) -> None:
        """Acknowledge duplicates of what is held here, or was.

        What is being claimed is not known yet: refused, a duplicate of it may be newer than the refusal.
        """
        known = [waiting for waiting in self._fresh() if self._holdings.knows(waiting.ref)]
        self._waiting = [waiting for waiting in self._waiting if waiting not in known]
        for waiting in known:
            await waiting.delivery.ack()

    def _fresh(self) -> list[_Waiting]:
        self._waiting = [waiting for waiting in self._waiting if not waiting.delivery.is_stale]
        return self._waiting

    def _pick(self) -> list[_Waiting]:
        if not self._is_open():
            return []
        urgent_first = sorted(self._fresh(), key=lambda waiting: not waiting.urgent)[:MAX_CLAIM]
        picked = [waiting for waiting in urgent_first if self._slots.take(urgent=waiting.urgent)]
        self._waiting = [waiting for waiting in self._waiting if waiting not in picked]
        return picked

    async def _claim(self, picked: list[_Waiting]) -> None:
        claimed = await self._claims.claim(waiting.ref for waiting in picked)
        for waiting in picked:
            await waiting.delivery.ack()
        granted = {AttemptRef(grant.attempt_id, grant.token): grant for grant in claimed.grants}
        for waiting in picked:
            if waiting.ref in granted:
                self._holdings.start(granted[waiting.ref], lease_until=claimed.lease_until)
            else:
                self._slots.give_back()
        self._claiming_since = None
        self._wake.set()

    async def _give_back(self) -> None:
        old = self._clock.monotonic() - HOLD_S
        late = [waiting for waiting in self._waiting if waiting.since <= old or not self._is_open()]
        self._waiting = [waiting for waiting in self._waiting if waiting not in late]
        for waiting in late:
            await waiting.delivery.requeue()

    async def _set_gate(self, due: Due) -> None:
        if self._wants(due) and due.consumer.paused:
            due.consumer.resume()
        elif not self._wants(due) and not due.consumer.paused:
            await due.consumer.pause()

    def _wants(self, due: Due) -> bool:
        since = self._claiming_since
        # While no scheduler answers, more would only go round in circles.
        is_stuck = since is not None and self._clock.monotonic() - since > HOLD_S
        return self._is_open() and not is_stuck and self._slots.has_room(urgent=due.urgent)

    async def _rest(self) -> None:
        busy = bool(self._waiting) or self.is_claiming
        try:
            async with asyncio.timeout(_LOOK_S if busy else None):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()
