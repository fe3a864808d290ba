"""Applies what executors report, and hears when a person changed or asked for something."""

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.batches import handled_together
from services.scheduler.endings import apply_report
from services.scheduler.ledger import Effects, Ledger
from services.scheduler.wakeup import News
from shared.broker import Consumer, Delivery
from shared.db.attempts import AttemptView, attempts_by_id, note_on_attempt
from shared.db.locks import lock_jobs_of_attempts
from shared.db.runs import note_start
from shared.domain.run import RunState
from shared.messages.events import JobChanged, RequestsChanged, RunFinished, RunStarted

log = structlog.get_logger()

PREFETCH = 500
_TOGETHER_S = 0.02
"""The start and the end of a short script are seldom further apart: they share a commit."""


class Results:
    """The loop over `portal.events.scheduler`. A message is acked after the commit of its effect."""

    def __init__(self, ledger: Ledger, news: News) -> None:
        self._ledger = ledger
        self._news = news

    async def run(self, consumer: Consumer) -> None:
        """Apply until cancelled."""
        while True:
            deliveries = await consumer.batch(limit=PREFETCH, within_s=_TOGETHER_S)
            for delivery in deliveries:
                self._hear(delivery)
            if any(isinstance(one.message, RunStarted | RunFinished) for one in deliveries):
                handled = await handled_together(self._ledger, deliveries, self._apply)
                deliveries = [delivery for delivery, _ in handled]
            if deliveries:
                await deliveries[-1].ack(up_to_here=True)

    def _hear(self, delivery: Delivery) -> None:
        match delivery.message:
            case JobChanged(job_id=job_id):
                self._news.job_changed(job_id)
            case RequestsChanged():
                self._news.requests_changed()
            case _:
                return

    async def _apply(self, session: AsyncSession, effects: Effects, deliveries: list[Delivery]) -> list[bool]:
        """Apply the reports among the deliveries in order; say of each whether it changed anything."""
        words = [one.message for one in deliveries]
        ids = {word.attempt_id for word in words if isinstance(word, RunStarted | RunFinished)}
        await lock_jobs_of_attempts(session, ids)
        attempts = await attempts_by_id(session, ids)
        # The end of a short script brings its start with it: one write for both.
        ended = {
            (word.attempt_id, word.token)
            for word in words
            if isinstance(word, RunFinished) and word.started_at
        }
        applied = []
        for word in words:
            match word:
                case RunStarted(attempt_id=attempt_id, token=token) if (attempt_id, token) not in ended:
                    fits = await _apply_start(session, effects, attempts.get(attempt_id), word)
                case RunFinished(attempt_id=attempt_id):
                    fits = await self._apply_end(session, effects, attempts.get(attempt_id), word)
                case _:
                    fits = True
            applied.append(fits)
        return applied

    async def _apply_end(
        self, session: AsyncSession, effects: Effects, attempt: AttemptView | None, report: RunFinished
    ) -> bool:
        now = self._ledger.clock.now()
        if attempt is not None and await apply_report(session, effects, attempt, report, now=now):
            log.info(
                "run finished",
                run_id=str(report.run_id),
                state=report.state,
                took_ms=report.duration_ms,
                executor=report.executor,
            )
            return True
        # Repeated until settled, and late words of lost executors: seldom worth more than a line.
        log.info(
            "report changed nothing",
            run_id=str(report.run_id),
            reported=report.state,
            known=None if attempt is None else attempt.state,
        )
        return False


async def _apply_start(
    session: AsyncSession, effects: Effects, attempt: AttemptView | None, word: RunStarted
) -> bool:
    if attempt is None or attempt.token != word.token or attempt.boot != word.boot:
        return False
    values = {
        "started_at": word.started_at,
        "sandbox": word.sandbox,
        "sandbox_features": word.sandbox_features,
        "script_sha256": word.script_sha256,
        "prepared_ms": word.prepared_ms,
    }
    await note_on_attempt(session, attempt.id, values)
    if attempt.state in (RunState.RUNNING, RunState.LOST) and await note_start(
        session, attempt.run_id, attempt.number, word.started_at
    ):
        effects.run_changed(attempt.run_id)
    return True
