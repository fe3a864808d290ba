"""What the ledger says of what rules tell of: findings, in the order in which they were noted."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.notifications.decide import Finding
from services.ui.notifications.phrases import about, began, length, over, when
from shared.db import alerts
from shared.db.alerts import Incident, JobRun
from shared.domain.alert import (
    FAILURES,
    WITH_FACTOR,
    AlertKind,
    Ended,
    Rule,
    Usual,
    in_a_row,
    verdict,
)

_COUNTED = 200
_COUNTS_AGAIN = timedelta(minutes=10)
_MOST = 1_000
_MOST_KNOWN = 20_000
_OF_SUCCESSES = frozenset({AlertKind.LATE, *WITH_FACTOR})
"""What a rule of these kinds tells of begins with runs that succeed as well."""
_WITH_LOG = frozenset({AlertKind.FAILED, AlertKind.TIMED_OUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Reads what rules are judged by, in one transaction; every question is answered by an index."""

    session: AsyncSession
    rules: Sequence[Rule]
    zone: str
    now: datetime
    known: dict[UUID, tuple[datetime, Usual]] = field(default_factory=dict)
    """What was usual of jobs, and when it was counted: kept by who asks again."""

    async def ends(
        self, after: tuple[datetime, UUID], open_ones: Iterable[Incident], *, limit: int
    ) -> list[JobRun]:
        """Return the ends of runs that were noted after this instant and id and may matter, in that order.

        A success matters where something may end by it, and where every run is judged.
        """
        if any(rule.kind in _OF_SUCCESSES and rule.job_id is None for rule in self.rules):
            return await alerts.noted_since(self.session, after, successes_of=None, limit=limit)
        jobs = {one.job_id for one in open_ones if one.job_id is not None}
        jobs |= {rule.job_id for rule in self.rules if rule.kind in _OF_SUCCESSES and rule.job_id is not None}
        failing = await alerts.failing_since(self.session, after[0], limit=_MOST)
        some = None if failing is None or len(jobs) > _MOST else jobs | failing
        return await alerts.noted_since(self.session, after, successes_of=some, limit=limit)

    async def of_runs(self, runs: Iterable[JobRun]) -> list[Finding]:
        """Return what the ends of these runs say."""
        found: list[Finding] = []
        of_job: dict[UUID | None, list[Rule]] = defaultdict(list)
        for rule in self.rules:
            of_job[rule.job_id].append(rule)
        for run in runs:
            rules = [rule for rule in (*of_job[None], *of_job[run.job_id]) if self._is_of(rule, run)]
            if rules:
                ended = await self._ended(run, rules)
                said = ((rule, verdict(rule, ended)) for rule in rules)
                found += (
                    self._finding(rule, run, ended, holds=holds) for rule, holds in said if holds is not None
                )
        return found

    def _is_of(self, rule: Rule, run: JobRun) -> bool:
        # What ended before somebody wanted to be told is not told.
        is_new = run.noted_at is None or run.noted_at > rule.created_at
        return is_new and rule.covers(run.job_id, run.script)

    async def _ended(self, run: JobRun, rules: Sequence[Rule]) -> Ended:
        failures, most = int(run.state in FAILURES), max(rule.in_a_row for rule in rules)
        if failures and most > 1:
            states = await alerts.newest_states(self.session, run.job_id, run.number, most)
            failures = in_a_row(states)
        usual = None
        if any(rule.kind in WITH_FACTOR for rule in rules):
            usual = await self._usual(run)
        return Ended(
            state=run.state,
            cause=run.cause,
            attempt=run.attempt,
            due_at=run.due_at,
            started_at=run.started_at,
            duration_ms=run.duration_ms,
            failures=failures,
            usual=usual,
        )

    async def _usual(self, run: JobRun) -> Usual | None:
        counted_at, usual = self.known.get(run.job_id, (self.now - _COUNTS_AGAIN, None))
        if usual is not None and self.now - counted_at < _COUNTS_AGAIN:
            return usual
        took = await alerts.newest_took(self.session, run.job_id, before=run.number, limit=_COUNTED)
        if not took:
            return None
        half, most = (took[ceil(share * len(took)) - 1] for share in (0.5, 0.95))
        usual = Usual(count=len(took), p50_ms=half, p95_ms=most)
        if usual.is_enough:
            if len(self.known) >= _MOST_KNOWN:
                self.known.clear()
            self.known[run.job_id] = (self.now, usual)
        return usual

    def _finding(self, rule: Rule, run: JobRun, ended: Ended, *, holds: bool) -> Finding:
        title = began(rule, run, failures=ended.failures) if holds else over(rule, run.job_name)
        return Finding(
            rule=rule,
            subject=str(run.job_id),
            holds=holds,
            at=run.noted_at or self.now,
            title=title,
            text=self._text(rule, run, ended) if holds else about(run, self.zone),
            job_id=run.job_id,
            run_id=run.id,
            with_log=holds and rule.kind in _WITH_LOG,
        )

    def _text(self, rule: Rule, run: JobRun, ended: Ended) -> str:
        if rule.kind in WITH_FACTOR and ended.usual is not None:
            usual = length(timedelta(milliseconds=ended.usual.p50_ms))
            return f"{about(run, self.zone)} Half of its runs take up to {usual}."
        return about(run, self.zone)

    async def standing(self, open_ones: Sequence[Incident]) -> list[Finding]:
        """Return what holds now by itself, without the end of a run; and what of that is over."""
        holding = [*await self._executors(), *await self._queue()]
        held = {(one.rule.id, one.subject) for one in holding}
        holding += [*await self._waiting(), *await self._running()]
        silent, unjudged = await self._silent_jobs()
        holding += silent
        held |= unjudged | {(one.rule.id, one.subject) for one in silent}
        known = {(one.rule_id, one.subject) for one in open_ones}
        begun = [one for one in holding if (one.rule.id, one.subject) not in known]
        return [*await self._over(open_ones, held), *begun]

    async def _over(self, open_ones: Iterable[Incident], held: Collection[tuple[UUID, str]]) -> list[Finding]:
        of_itself = {
            rule.id: rule
            for rule in self.rules
            if rule.kind in (AlertKind.NO_SUCCESS, AlertKind.EXECUTOR, AlertKind.QUEUE)
        }
        ended = [
            one for one in open_ones if one.rule_id in of_itself and (one.rule_id, one.subject) not in held
        ]
        found: list[Finding] = []
        names = await alerts.names_of(self.session, {one.job_id for one in ended if one.job_id is not None})
        for one in ended:
            rule = of_itself[one.rule_id]
            name = one.subject if one.job_id is None else names.get(one.job_id, "")
            found.append(
                Finding(
                    rule=rule,
                    subject=one.subject,
                    holds=False,
                    at=self.now,
                    title=over(rule, name),
                    text=f"It had held since {when(one.opened_at, self.zone)}.",
                    job_id=one.job_id,
                )
            )
        return found

    def _of(self, kind: AlertKind) -> list[Rule]:
        return [rule for rule in self.rules if rule.kind is kind]

    async def _waiting(self) -> list[Finding]:
        rules = self._of(AlertKind.LATE)
        if not rules:
            return []
        least = timedelta(seconds=min(rule.after_s for rule in rules))
        runs = await alerts.not_started(self.session, due_before=self.now - least, limit=_MOST)
        return [
            self._finding(rule, run, _as_it_is(run, None), holds=True)
            for run in runs
            for rule in rules
            if rule.covers(run.job_id, run.script)
            and run.due_at < self.now - timedelta(seconds=rule.after_s)
            and run.due_at > rule.created_at
        ]

    async def _running(self) -> list[Finding]:
        rules = self._of(AlertKind.SLOW)
        found: list[Finding] = []
        for run in await alerts.going(self.session, limit=_MOST) if rules else ():
            covering = [rule for rule in rules if rule.covers(run.job_id, run.script)]
            if not covering or run.started_at is None:
                continue
            took_ms = int((self.now - run.started_at).total_seconds() * 1_000)
            ended = _as_it_is(run, took_ms, await self._usual(run))
            found += (
                self._finding(rule, run, ended, holds=True) for rule in covering if verdict(rule, ended)
            )
        return found

    async def _silent_jobs(self) -> tuple[list[Finding], set[tuple[UUID, str]]]:
        """Return the jobs that are silent for too long; and of which nobody can say it: they are paused."""
        found: list[Finding] = []
        unjudged: set[tuple[UUID, str]] = set()
        for rule in self._of(AlertKind.NO_SUCCESS):
            known = None if rule.job_id is None else await alerts.silent_since(self.session, rule.job_id)
            if known is None:
                unjudged.add((rule.id, str(rule.job_id)))
                continue
            name, since = known[0], max(known[1], rule.created_at)
            if self.now - since > timedelta(seconds=rule.after_s):
                found.append(
                    Finding(
                        rule=rule,
                        subject=str(rule.job_id),
                        holds=True,
                        at=self.now,
                        title=f"{name} has not succeeded for {length(timedelta(seconds=rule.after_s))}",
                        text=f"It could have since {when(since, self.zone)}.",
                        job_id=rule.job_id,
                    )
                )
        return found, unjudged

    async def _executors(self) -> list[Finding]:
        rules = self._of(AlertKind.EXECUTOR)
        silent = await alerts.silent_executors(self.session) if rules else []
        return [
            self._of_whole(
                rule, name, f"Executor {name} is offline", f"It was last heard {when(seen, self.zone)}."
            )
            for name, seen in silent
            for rule in rules
            if self.now - seen > timedelta(seconds=rule.after_s)
        ]

    async def _queue(self) -> list[Finding]:
        rules = self._of(AlertKind.QUEUE)
        since = await alerts.oldest_waiting(self.session) if rules else None
        if since is None:
            return []
        title = f"Runs have waited for {length(self.now - since)}"
        text = f"The oldest of them was due {when(since, self.zone)}."
        return [
            self._of_whole(rule, "", title, text)
            for rule in rules
            if self.now - since > timedelta(seconds=rule.after_s)
        ]

    def _of_whole(self, rule: Rule, subject: str, title: str, text: str) -> Finding:
        return Finding(rule=rule, subject=subject, holds=True, at=self.now, title=title, text=text)


def _as_it_is(run: JobRun, duration_ms: int | None, usual: Usual | None = None) -> Ended:
    return Ended(
        state=run.state,
        cause=run.cause,
        attempt=run.attempt,
        due_at=run.due_at,
        started_at=run.started_at,
        duration_ms=duration_ms,
        usual=usual,
    )


def new_ones(runs: Iterable[JobRun], handled: Collection[tuple[UUID, datetime | None]]) -> Iterator[JobRun]:
    """Yield those runs whose end was not judged by this process yet."""
    return (run for run in runs if (run.id, run.noted_at) not in handled)
