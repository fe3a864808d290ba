"""The loop that decides what is told: from rows, however long nobody looked."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.notifications.decide import Decision, Finding, Key, close, decide, remind
from services.ui.notifications.evidence import Evidence, new_ones
from shared.db import alerts, deliveries, mutes
from shared.db.alerts import Incident, JobRun, Look
from shared.db.engine import Database
from shared.domain.alert import Rule, Usual, quiet_from
from shared.runtime.clock import Clock

log = structlog.get_logger()

_EVERY_S = 5.0
_OVERLAP = timedelta(seconds=60)
"""So much is read again: an end may be committed so long after the instant that it is noted with."""
_BEHIND = timedelta(minutes=15)
"""After so long without a look what came and went meanwhile is summed up."""
_SETTLES = timedelta(seconds=30)
"""So long after such a gap nothing is sent, for there is more to come in the same message."""
_PAGE = 1_000
_FIRST = UUID(int=0)
_MOVES_AFTER = timedelta(seconds=15)
"""So often the place is stored up to which all is judged, if nothing else is."""
_STANDS = timedelta(seconds=15)
"""So often it is looked for what holds without the end of a run."""
_TIDIES_AFTER = timedelta(hours=1)


class Watch:
    """Judges the ledger by the rules, every five seconds; replicas take turns by the version of a row."""

    def __init__(self, database: Database, clock: Clock, *, zone: str) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone
        self._handled: dict[tuple[UUID, datetime | None], None] = {}
        self._after: tuple[datetime, UUID] | None = None  # where a full page ended
        self._usual: dict[UUID, tuple[datetime, Usual]] = {}
        self._stood_at: datetime | None = None
        self._tidied_at: datetime | None = None

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            try:
                is_more = await self.look()
                await self._tidy()
            except (SQLAlchemyError, OSError) as error:
                log.warning("alerts wait for the database", error=repr(error))
                is_more = False
            except Exception:
                # Rules that cannot be judged must not end the portal.
                log.exception("alerts could not be decided")
                is_more = False
            await self._clock.sleep(0 if is_more else _EVERY_S)

    async def look(self) -> bool:
        """Decide on what happened since the look before; say whether there is more to read at once."""
        now = self._clock.now()
        async with self._database.reading() as session:
            rules = await alerts.rules(session)
            open_ones = await alerts.incidents(session, is_open=True) if rules else []
            if not rules:
                return False
            look = await alerts.look(session)
            if look is None:
                return await self._begin(now)
            on = [rule for rule in rules if rule.is_on]
            since = max((look.noted_until, *_earliest(on)))
            runs = await self._noted(session, on, open_ones, since, now) if on else []
            is_more, is_behind = len(runs) == _PAGE, now - since > _BEHIND
            decision = await self._decided(session, on, open_ones, runs, now, sums_up=is_behind)
            # What holds by itself is looked for less often, and not while there is more to read.
            stands = not is_more and (self._stood_at is None or now - self._stood_at >= _STANDS)
            if stands:
                await self._stand(session, decision, on, open_ones, now)
        last = (runs[-1].noted_at or now) if is_more else now
        until = max(look.noted_until, last)
        is_to_store = bool(decision.changed) or until - look.noted_until > _MOVES_AFTER
        if is_to_store and not await self._store(decision, look, until, now, is_behind=is_behind):
            return True
        self._after = (last, runs[-1].id) if is_more else None
        self._stood_at = now if stands else self._stood_at
        self._handled |= {(run.id, run.noted_at): None for run in runs}
        self._forget_handled(since - _OVERLAP)
        return is_more

    async def _begin(self, now: datetime) -> bool:
        async with self._database.ledger.begin() as session:
            await alerts.begin_look(session, now)
        return True

    async def _noted(
        self,
        session: AsyncSession,
        rules: Sequence[Rule],
        open_ones: Sequence[Incident],
        since: datetime,
        now: datetime,
    ) -> list[JobRun]:
        evidence = self._evidence(session, rules, now)
        return await evidence.ends(self._after or (since - _OVERLAP, _FIRST), open_ones, limit=_PAGE)

    async def _decided(
        self,
        session: AsyncSession,
        rules: Sequence[Rule],
        open_ones: Sequence[Incident],
        runs: Sequence[JobRun],
        now: datetime,
        *,
        sums_up: bool,
    ) -> Decision:
        findings = await self._evidence(session, rules, now).of_runs(new_ones(runs, self._handled))
        muted = {one.job_id for one in await mutes.held(session, now)} if findings else set()
        known = await _known(session, findings, open_ones)
        return decide(findings, known, muted=muted, now=now, sums_up=sums_up)

    async def _stand(
        self,
        session: AsyncSession,
        decision: Decision,
        rules: Sequence[Rule],
        open_ones: Sequence[Incident],
        now: datetime,
    ) -> None:
        """Add what began and ended by itself, what is to be said again, and what nobody asks for any more."""
        findings = await self._evidence(session, rules, now).standing(open_ones)
        muted = {one.job_id for one in await mutes.held(session, now)}
        known = await _known(session, findings, open_ones)
        decision.add(findings, known, muted=muted, now=now)
        by_id = {rule.id: rule for rule in rules}
        living = await alerts.names_of(session, {one.job_id for one in open_ones if one.job_id is not None})
        for one in open_ones:
            if one.rule_id not in by_id or (one.job_id is not None and one.job_id not in living):
                close(decision, one, now)
        remind(decision, by_id, muted=muted, now=now)

    def _evidence(self, session: AsyncSession, rules: Sequence[Rule], now: datetime) -> Evidence:
        return Evidence(session=session, rules=rules, zone=self._zone, now=now, known=self._usual)

    async def _store(
        self, decision: Decision, was: Look, until: datetime, now: datetime, *, is_behind: bool
    ) -> bool:
        """Write what was decided; False: another replica has judged meanwhile, and nothing is written."""
        async with self._database.ledger.begin() as session:
            if not await alerts.take_look(session, was, until):
                return False
            changed = [decision.incidents[key] for key in decision.changed]
            await alerts.put_incidents(session, changed, decision.stored)
            by_id = {one.id: one for one in await alerts.channels(session)}
            for channel_id, notices in decision.notices.items():
                channel = by_id.get(channel_id)
                if channel is None or not notices:
                    continue
                send_at = now + _SETTLES if is_behind else now
                quiet = quiet_from(channel.quiet)
                if quiet is not None:
                    send_at = quiet.until(send_at)
                await deliveries.gather(session, channel_id, notices, now=now, send_at=send_at)
        if decision.notices:
            log.info("alerts decided", notices=sum(map(len, decision.notices.values())))
        return True

    def _forget_handled(self, before: datetime) -> None:
        if len(self._handled) > _PAGE * 4:
            self._handled = {
                key: None for key in self._handled if key[1] is not None and key[1] > before - _MOVES_AFTER
            }

    async def _tidy(self) -> None:
        now = self._clock.now()
        if self._tidied_at is not None and now - self._tidied_at < _TIDIES_AFTER:
            return
        async with self._database.ledger.begin() as session:
            await alerts.forget_incidents(session, now)
            await deliveries.forget_old(session, now)
        self._tidied_at = now


async def _known(
    session: AsyncSession, findings: Sequence[Finding], open_ones: Sequence[Incident]
) -> dict[Key, Incident]:
    """Return what was told of the subjects of these before, and all that holds."""
    known = {(one.rule_id, one.subject): one for one in open_ones}
    subjects = {one.subject for one in findings}
    for one in await alerts.incidents(session, is_open=False, subjects=subjects):
        known[(one.rule_id, one.subject)] = one
    return known


def _earliest(rules: Sequence[Rule]) -> tuple[datetime, ...]:
    """Return when the oldest of the rules that are on was made: nobody asked what was before."""
    return (min(rule.created_at for rule in rules),) if rules else ()
