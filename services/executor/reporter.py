"""Tells the ledger how runs start and end: an end is told until the ledger says that it is settled."""

import asyncio
import math
from dataclasses import dataclass

import structlog

from services.executor.journal import Journal
from shared.broker import Outgoing, Publisher
from shared.messages.codec import type_of
from shared.messages.envelope import AttemptRef
from shared.messages.events import RunFinished, RunStarted
from shared.messages.topology import Exchange
from shared.runtime.clock import Clock

log = structlog.get_logger()

AGAIN_S = 10.0
_RETRY_S = 1.0
_JUST_SENT_S = 2.0
"""A report that left so recently is still on its way: it is not sent again on request."""


@dataclass(slots=True)
class _Unsettled:
    report: RunFinished
    next_at: float = math.inf
    sent_at: float = -math.inf
    """When the broker last confirmed it."""


class Reporter:
    """The reports of ended attempts, and the news of started ones, until they have arrived."""

    def __init__(self, journal: Journal, publisher: Publisher, clock: Clock) -> None:
        self._journal = journal
        self._publisher = publisher
        self._clock = clock
        self._unsettled: dict[AttemptRef, _Unsettled] = {}
        self._started: dict[AttemptRef, RunStarted] = {}
        self._wake = asyncio.Event()

    @property
    def refs(self) -> tuple[AttemptRef, ...]:
        """Return the attempts that have ended and are not settled."""
        return tuple(self._unsettled)

    @property
    def is_idle(self) -> bool:
        """Say whether every report is settled."""
        return not self._unsettled

    @property
    def is_told(self) -> bool:
        """Say whether the broker has taken every report."""
        return all(self.was_sent(ref) for ref in self._unsettled)

    def tell_started(self, event: RunStarted) -> None:
        """Send the news; it is given up when the attempt's report is sent, which says it too."""
        self._started[AttemptRef(event.attempt_id, event.token)] = event
        self._wake.set()

    def take(self, report: RunFinished) -> None:
        """Keep a report that is in the journal; it is sent from `send` on."""
        self._unsettled[_ref(report)] = _Unsettled(report)

    def send(self, report: RunFinished) -> None:
        """Send it now, and again until it is settled."""
        unsettled = self._unsettled.get(_ref(report))
        if unsettled is not None:
            self._started.pop(_ref(report), None)
            unsettled.next_at = self._clock.monotonic()
            self._wake.set()

    def send_again(self, ref: AttemptRef) -> None:
        """Send the attempt's report again, unless it left just now or waits for its output."""
        unsettled = self._unsettled.get(ref)
        now = self._clock.monotonic()
        if unsettled is not None and unsettled.next_at < math.inf and now - unsettled.sent_at > _JUST_SENT_S:
            unsettled.next_at = now
            self._wake.set()

    def was_sent(self, ref: AttemptRef) -> bool:
        """Say whether the broker has taken the attempt's report at least once."""
        return ref in self._unsettled and self._unsettled[ref].sent_at > -math.inf

    async def settle(self, ref: AttemptRef) -> None:
        """Forget the attempt: the ledger has its end. One that is not kept is forgotten already."""
        if self._unsettled.pop(ref, None) is None:
            return
        await self._journal.remove(ref.attempt_id)

    async def run(self) -> None:
        """Send what is due until cancelled."""
        while True:
            self._wake.clear()
            await self._send_due()
            await self._rest()

    async def _send_due(self) -> None:
        now = self._clock.monotonic()
        started = list(self._started.items())
        due = [(ref, held) for ref, held in self._unsettled.items() if held.next_at <= now]
        messages = [event for _, event in started] + [held.report for _, held in due]
        results = await self._publisher.publish_all([_outgoing(message) for message in messages])
        for (ref, event), error in zip(started, results, strict=False):
            if error is None and self._started.get(ref) is event:
                del self._started[ref]
        now = self._clock.monotonic()
        for (_, held), error in zip(due, results[len(started) :], strict=True):
            held.next_at = now + (AGAIN_S if error is None else _RETRY_S)
            held.sent_at = now if error is None else held.sent_at
        if any(results):
            log.warning("reports wait for the broker", reports=len(messages))

    async def _rest(self) -> None:
        next_at = min((held.next_at for held in self._unsettled.values()), default=math.inf)
        if self._started:
            next_at = min(next_at, self._clock.monotonic() + _RETRY_S)
        patience = None if next_at == math.inf else max(0.0, next_at - self._clock.monotonic())
        try:
            async with asyncio.timeout(patience):
                await self._wake.wait()
        except TimeoutError:
            return


def _ref(report: RunFinished) -> AttemptRef:
    return AttemptRef(report.attempt_id, report.token)


def _outgoing(event: RunStarted | RunFinished) -> Outgoing:
    return Outgoing(exchange=Exchange.EVENTS, key=type_of(event), message=event)
