"""Everything of the ui that needs the broker, for as long as there is one.

Serving pages does not wait for it: until RabbitMQ answers, what is stored is shown, and what is asked
for is stored.
"""

import asyncio
from dataclasses import dataclass
from uuid import uuid4

import structlog

from services.ui.commands.wake import Wakeups
from services.ui.link import Link
from services.ui.live import Live
from services.ui.recorder.consumer import BATCH, Recorder
from services.ui.recorder.script_texts import ScriptTexts
from shared.broker import Broker, Consumer, Publisher, connect, until_declared
from shared.broker.connection import CONNECTION_ERRORS
from shared.messages.commands import LogStored
from shared.messages.events import ExecutorChanged, JobChanged, RunChanged
from shared.messages.topology import LOG_STORE, Exchange, live_queue
from shared.runtime.clock import Clock
from shared.runtime.lifecycle import endless

log = structlog.get_logger()

_LIVE_BATCH = 500
_LIVE_WITHIN_S = 0.02
_STORED_KEY = "executor.#"
_RETRY_S = 1.0
_LOOK_S = 1.0
_FEEL_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Messaging:
    """The loops between the broker and this process."""

    amqp_url: str
    clock: Clock
    link: Link
    live: Live
    recorder: Recorder
    script_texts: ScriptTexts
    wakeups: Wakeups

    async def run(self) -> None:
        """Connect, then record, follow and wake, for ever."""
        while True:
            try:
                async with connect(self.amqp_url, name="portal ui") as broker:
                    await self._converse(broker)
            except (*CONNECTION_ERRORS, RuntimeError) as error:
                # Gone between two steps of setting up; once set up, the loops outlive it by themselves.
                log.warning("the broker went away", error=repr(error))
                await self.clock.sleep(_RETRY_S)

    async def _converse(self, broker: Broker) -> None:
        reconnected = asyncio.Event()
        broker.consuming.reconnect_callbacks.add(lambda *_: reconnected.set())
        replica = uuid4().hex[:12]
        await until_declared(broker)
        async with (
            Publisher.on(broker) as publisher,
            Consumer.on(broker, LOG_STORE, prefetch=BATCH) as store,
            Consumer.on(broker, live_queue(replica), prefetch=_LIVE_BATCH) as events,
        ):
            log.info("listening", replica=replica)
            # Anything may have been said before there was a queue to hear it.
            self.live.resync()
            with self.link.over(broker):
                forever = (
                    self.recorder.run(store, publisher),
                    self.wakeups.run(publisher),
                    self._follow(events),
                    self._follow_stores(events),
                    self._resync_after(reconnected),
                    self._watch_link(),
                    self._feel(publisher),
                    # Each connection anew: it begins with what it may not have heard of.
                    self.script_texts.run(),
                )
                async with asyncio.TaskGroup() as group:
                    for loop in forever:
                        group.create_task(endless(loop))

    async def _follow(self, events: Consumer) -> None:
        while True:
            batch = await events.batch(limit=_LIVE_BATCH, within_s=_LIVE_WITHIN_S)
            for delivery in batch:
                message = delivery.message
                if isinstance(message, RunChanged | ExecutorChanged | JobChanged):
                    self.live.note(message)
                    if isinstance(message, RunChanged):
                        self.script_texts.note(message.run_id)
                elif isinstance(message, LogStored):
                    self.live.stored([message.attempt_id])
            await batch[-1].ack(up_to_here=True)

    async def _follow_stores(self, events: Consumer) -> None:
        """Hear what other replicas store, only while somebody follows a log here."""
        bound = False
        while True:
            if self.live.watches_logs != bound:
                try:
                    await (events.unbind if bound else events.bind)(Exchange.CONTROL, _STORED_KEY)
                    bound = not bound
                    self.live.read_logs_again()  # what was stored before the queue was bound
                except (*CONNECTION_ERRORS, RuntimeError) as error:
                    log.warning("cannot follow other replicas' logs yet", error=repr(error))
            await self.clock.sleep(_LOOK_S)

    async def _watch_link(self) -> None:
        """Notice when the broker goes, not only when somebody asks: health says since when."""
        while True:
            self.link.look()
            await self.clock.sleep(_LOOK_S)

    async def _feel(self, publisher: Publisher) -> None:
        """Notice an alarm of the broker: it is said to who publishes alone, and this process seldom does."""
        while True:
            self.link.note_taken(is_taken=await publisher.is_taken())
            await self.clock.sleep(_FEEL_S)

    async def _resync_after(self, reconnected: asyncio.Event) -> None:
        """What happened while the broker was away was heard by nobody: let every page load again."""
        while True:
            await reconnected.wait()
            reconnected.clear()
            # The connection is back before its queues are: a page must not load in between.
            await self.clock.sleep(_LOOK_S)
            self.live.resync()
