"""Sends output chunks from the spools to the broker, again and again until the store has them."""

import asyncio

import structlog

from services.executor.spool import Spool, Spools
from shared.broker import Outgoing, Publisher
from shared.domain.errors import BrokerUnavailable
from shared.domain.ids import AttemptId
from shared.messages.commands import LogStored
from shared.messages.events import RunOutput
from shared.messages.topology import LOG_STORE, Exchange, log_key
from shared.runtime.clock import Clock

log = structlog.get_logger()

_WINDOW = 32
"""Chunks in flight: 32 KiB each, so about one megabyte; almost three when they are pieces of files."""
_PATIENCE_S = 10.0
"""How long the store may take before somebody asks where the chunks are."""
_MAX_BACKOFF_S = 5.0


class LogSender:
    """One loop for all attempts. Chunks of one attempt are sent in order, a window at a time."""

    def __init__(self, spools: Spools, publisher: Publisher, clock: Clock) -> None:
        self._spools = spools
        self._publisher = publisher
        self._clock = clock
        self._backoff_s = 0.0
        self._progress_at: dict[AttemptId, float] = {}
        self._look_at = 0.0

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._spools.changed.clear()
            batch = self._spools.unsent(limit=_WINDOW)
            if batch:
                await self._send(batch)
            else:
                await self._rest()
            await self._look_for_silence()

    def take(self, stored: LogStored) -> None:
        """Note what the store has."""
        if self._spools.store(stored.attempt_id, stored.seq):
            self._progress_at[stored.attempt_id] = self._clock.monotonic()

    async def _send(self, batch: list[tuple[Spool, RunOutput]]) -> None:
        results = await self._publisher.publish_all([_outgoing(chunk) for _, chunk in batch])
        failed: set[int] = set()
        for (spool, chunk), error in zip(batch, results, strict=True):
            if error is not None:
                failed.add(id(spool))
            elif id(spool) not in failed:  # a gap: what comes after it is sent again with it
                spool.confirm(chunk.seq)
                self._progress_at.setdefault(chunk.attempt_id, self._clock.monotonic())
        if failed:
            self._backoff_s = min(_MAX_BACKOFF_S, max(0.1, self._backoff_s * 2))
            await self._clock.sleep(self._backoff_s)
        else:
            self._backoff_s = 0.0

    async def _rest(self) -> None:
        waits = any(True for _ in self._spools.unstored())
        try:
            async with asyncio.timeout(_PATIENCE_S if waits else None):
                await self._spools.changed.wait()
        except TimeoutError:
            return

    async def _look_for_silence(self) -> None:
        """Send again what is neither stored nor waiting in the queue: the broker lost it.

        A queue that is not empty means that the store is behind or away; sending again would only
        fill it with duplicates.
        """
        now = self._clock.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + _PATIENCE_S
        self._expire()
        unstored = dict(self._spools.unstored())
        self._progress_at = {key: self._progress_at.get(key, now) for key in unstored}
        silent = [key for key, at in self._progress_at.items() if now - at >= _PATIENCE_S]
        if not silent or not await self._queue_is_empty():
            return
        for attempt_id in silent:
            log.warning("sending output again", attempt_id=str(attempt_id))
            self._progress_at[attempt_id] = now
            unstored[attempt_id].send_again()
        self._spools.changed.set()

    async def _queue_is_empty(self) -> bool:
        try:
            return await self._publisher.depth(LOG_STORE) == 0
        except BrokerUnavailable:
            return False

    def _expire(self) -> None:
        for attempt_id in self._spools.expired(now_s=self._clock.now().timestamp()):
            log.error("output dropped: nobody stored it for a day", attempt_id=str(attempt_id))
            self._spools.give_up(attempt_id)


def _outgoing(chunk: RunOutput) -> Outgoing:
    return Outgoing(exchange=Exchange.LOGS, key=log_key(chunk.job_id, chunk.run_id), message=chunk)
