"""Answers what executors ask: claims, releases and renewals, together as they wait together."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.batches import handled_together
from services.scheduler.grants import grant_claims
from services.scheduler.leases import renew_leases
from services.scheduler.ledger import Effects, Ledger
from services.scheduler.returning import take_back
from shared.broker import Consumer, Delivery, Publisher, reply
from shared.db.locks import lock_executors, lock_jobs_of_attempts
from shared.domain.ids import AttemptId, ExecutorName
from shared.messages.answers import ClaimAnswer, ReleaseAnswer, RenewAnswer
from shared.messages.commands import AttemptClaim, AttemptRelease, LeaseRenew
from shared.messages.envelope import Message

PREFETCH = 200
_TOGETHER_S = 0.001

_Answer: TypeAlias = ClaimAnswer | ReleaseAnswer | RenewAnswer


class Claims:
    """The loop over `portal.claims`. Every answer is sent after the commit that makes it true."""

    def __init__(self, ledger: Ledger, publisher: Publisher, *, key: bytes) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self._key = key

    async def run(self, consumer: Consumer) -> None:
        """Answer until cancelled."""
        async with asyncio.TaskGroup() as replies:
            while True:
                deliveries = await consumer.batch(limit=PREFETCH, within_s=_TOGETHER_S)
                answered = await handled_together(self._ledger, deliveries, self._answer)
                for delivery, answer in answered:
                    # Not waited for: the broker's confirm of one answer must not delay the next claim.
                    replies.create_task(reply(self._publisher, delivery, answer))
                if answered:
                    await answered[-1][0].ack(up_to_here=True)

    async def _answer(
        self, session: AsyncSession, effects: Effects, deliveries: list[Delivery]
    ) -> list[_Answer]:
        await _lock(session, [one.message for one in deliveries])
        now = self._ledger.clock.now()
        claims = [one.message for one in deliveries if isinstance(one.message, AttemptClaim)]
        granted = (
            iter(await grant_claims(session, effects, claims, key=self._key, now=now)) if claims else iter(())
        )
        answers: list[_Answer] = []
        for delivery in deliveries:
            if isinstance(delivery.message, AttemptClaim):
                answers.append(next(granted))
            else:
                answers.append(await self._other(session, effects, delivery, now=now))
        return answers

    async def _other(
        self, session: AsyncSession, effects: Effects, delivery: Delivery, *, now: datetime
    ) -> _Answer:
        match delivery.message:
            case AttemptRelease() as release:
                return await take_back(session, effects, release, now=now)
            case LeaseRenew() as renewal:
                return await renew_leases(session, effects, renewal, now=now)
            case other:
                raise TypeError(f"{type(other).__name__} is no request: it does not belong into this queue")


async def _lock(session: AsyncSession, asked: Sequence[Message]) -> None:
    """Take the locks of all that these messages are about, in the one order."""
    attempts: set[AttemptId] = set()
    executors: set[ExecutorName] = set()
    for message in asked:
        match message:
            case AttemptClaim(attempts=refs) | AttemptRelease(attempts=refs):
                attempts.update(ref.attempt_id for ref in refs)
            case LeaseRenew(running=running, unsettled=unsettled, executor=executor):
                attempts.update(ref.attempt_id for ref in (*running, *unsettled))
                executors.add(executor)
            case _:
                pass  # refused when it is its turn
    await lock_jobs_of_attempts(session, attempts, executors=executors)
    await lock_executors(session, executors)
