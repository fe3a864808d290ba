"""Takes parked messages out of their queue to where people see them, and does with them what people want.

A message is put back at least once: its row says that it leaves before it is published, and that it is
gone after the confirm. Whoever dies in between has it published again, with the same id.
"""

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.ledger import Effects, Ledger
from services.scheduler.wakeup import WakeUp
from shared.broker import Broker, Publisher, taken_parked
from shared.db.parked import (
    Wanted,
    begin_to_leave,
    end_parked,
    forget_decided,
    let_go_again,
    parked_state,
    room_for_parked,
    store_parked_outcome,
    take_in,
    wanted,
)
from shared.domain.errors import BrokerUnavailable, MalformedMessage, Unroutable
from shared.domain.parked import ParkedMessage, ParkedState, ParkedWish

log = structlog.get_logger()

SWEEP_S = 3.0
_BATCH = 50
"""Taken in together: each may have 128 KB."""
_MOST_WISHES = 100


class Parking:
    """The loop between `portal.dead`, the ledger, and the exchanges that messages came from."""

    def __init__(self, ledger: Ledger, broker: Broker, publisher: Publisher) -> None:
        self._ledger = ledger
        self._broker = broker
        self._publisher = publisher
        self._wake = WakeUp()
        self._is_stuck = False

    def look(self) -> None:
        """Look soon: somebody may want something."""
        self._wake.call()

    async def run(self) -> None:
        """Take in and put back until cancelled."""
        while True:
            try:
                await self.step()
            except (BrokerUnavailable, IntegrityError) as error:
                # Also what another scheduler takes in at this moment: it is looked at again.
                log.warning("parked messages wait", error=str(error))
            await self._wake.wait(self._ledger.clock, SWEEP_S)

    async def step(self) -> None:
        """Do what people want, then take in what was parked.

        Raises:
            BrokerUnavailable: nothing could be taken in; it is still in its queue.
        """
        await self._do_wanted()
        await self._take_in()

    async def _do_wanted(self) -> None:
        wishes = await self._ledger.write(lambda session, _: wanted(session, limit=_MOST_WISHES))
        # What a blocked broker is sent it takes later: one feeler a step, not all that waits each time.
        is_stuck = self._is_stuck and not await self._publisher.is_taken()
        for one in wishes:
            if one.wish is ParkedWish.DISCARD:
                await self._discard(one)
            elif not is_stuck:
                is_stuck = not await self._put_back(one) and not await self._publisher.is_taken()
        self._is_stuck = is_stuck

    async def _take_in(self) -> None:
        room = await self._ledger.write(lambda session, _: room_for_parked(session))
        if not room:
            return
        async with taken_parked(self._broker, limit=min(_BATCH, room)) as messages:
            if messages:
                await self._ledger.write(lambda session, _: self._note(session, messages))
        if len(messages) == _BATCH:
            self.look()

    async def _note(self, session: AsyncSession, messages: list[ParkedMessage]) -> None:
        now = self._ledger.clock.now()
        news = await take_in(session, messages, now=now)
        await forget_decided(session)
        if news:
            log.warning("messages were parked", count=news, reason=messages[0].reason)

    async def _put_back(self, one: Wanted) -> bool:
        """Put it back or say why not; False: the broker did not confirm it, and it is tried again."""
        message = await self._ledger.write(lambda session, _: self._begin(session, one))
        if message is None:
            return True
        try:
            await self._publisher.put_back(message)
        except Unroutable as error:
            await self._end(one, ParkedState.PARKED, f"refused: {error}. Who waited for it is gone.")
        except MalformedMessage as error:
            await self._end(one, ParkedState.PARKED, f"refused: {error}. Discard it.")
        except BrokerUnavailable as error:
            # Its queue may be full, and that must not keep the others here: it is tried the next time.
            await self._ledger.write(lambda session, _: let_go_again(session, one.parked_id))
            log.warning("message not put back yet", parked_id=str(one.parked_id), error=str(error))
            return False
        else:
            await self._end(one, ParkedState.PUT_BACK, "put back")
        return True

    async def _begin(self, session: AsyncSession, one: Wanted) -> ParkedMessage | None:
        now = self._ledger.clock.now()
        message = await begin_to_leave(session, one.parked_id, by=one.by, now=now)
        if message is not None:
            return message
        if await parked_state(session, one.parked_id) is not ParkedState.LEAVING:
            await store_parked_outcome(session, one.id, "refused: it is not parked any more", now=now)
        return None

    async def _end(self, one: Wanted, state: ParkedState, outcome: str) -> None:
        async def work(session: AsyncSession, _: Effects) -> None:
            now = self._ledger.clock.now()
            await end_parked(session, one.parked_id, state, was=ParkedState.LEAVING, by=one.by, now=now)
            await store_parked_outcome(session, one.id, outcome, now=now)

        await self._ledger.write(work)
        log.info("parked message decided", parked_id=str(one.parked_id), by=one.by, outcome=outcome)

    async def _discard(self, one: Wanted) -> None:
        async def work(session: AsyncSession, _: Effects) -> str:
            now = self._ledger.clock.now()
            is_done = await end_parked(
                session, one.parked_id, ParkedState.DISCARDED, was=ParkedState.PARKED, by=one.by, now=now
            )
            outcome = "discarded" if is_done else "refused: it is not parked any more"
            await store_parked_outcome(session, one.id, outcome, now=now)
            return outcome

        outcome = await self._ledger.write(work)
        log.info("parked message decided", parked_id=str(one.parked_id), by=one.by, outcome=outcome)
