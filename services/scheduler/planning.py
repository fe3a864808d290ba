"""Plans jobs with what the ledger knows of them: asks the pure planner, and for coincidences the ledger."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.planner import Plan, Taken, plan
from services.scheduler.rules import Line, Rules, Span
from shared.db.cursors import Cursor
from shared.db.planning import DueCursor, Sibling, kept_promises, moved_to, siblings_of
from shared.db.runs import promise_key
from shared.domain.ids import JobId
from shared.domain.policy import OnExcluded
from shared.domain.sandbox import MinSandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan and whose it is."""

    job_id: JobId
    pool: str
    min_sandbox: MinSandbox
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A job to plan: some or all of its schedules, over one span."""

    rules: Rules
    lines: tuple[Line, ...]
    span: Span
    pool: str
    min_sandbox: MinSandbox
    has_siblings: bool
    """Whether the job has, or had, other schedules than these or more than one of these."""

    @property
    def may_move(self) -> bool:
        """Say whether calendars can bring two instants together."""
        return self.rules.calendars is not None and self.rules.policy.on_excluded is OnExcluded.MOVE

    def plans(self, taken: Taken = ()) -> tuple[Plan, ...]:
        """Return the plan of each of the schedules."""
        return plan(self.rules, self.lines, self.span, taken=taken)


def line_of(cursor: Cursor | DueCursor, *, decided_until: datetime, shown_at: datetime | None = None) -> Line:
    """Return the schedule of a cursor as the planner sees it."""
    return Line(
        schedule_id=cursor.schedule_id,
        fires=cursor.timetable,
        zone=cursor.zone,
        decided_until=decided_until,
        args=cursor.args,
        is_once=cursor.is_once,
        shown_at=shown_at,
    )


async def plan_cases(session: AsyncSession, cases: Sequence[Case]) -> list[Planned]:
    """Plan each job; where its instants may coincide with others, by what stands in the ledger, too."""
    plans = [case.plans() for case in cases]
    together = [
        (case, found) for case, found in zip(cases, plans, strict=True) if case.has_siblings or case.may_move
    ]
    taken = await _taken(session, together) if together else {}
    planned: list[Planned] = []
    for case, first in zip(cases, plans, strict=True):
        job_id = case.rules.job_id
        found = case.plans(taken[job_id]) if taken.get(job_id) else first
        planned += (
            Planned(job_id=job_id, pool=case.pool, min_sandbox=case.min_sandbox, plan=one) for one in found
        )
    return planned


async def _taken(
    session: AsyncSession, together: Sequence[tuple[Case, tuple[Plan, ...]]]
) -> dict[JobId, set[tuple[tuple[str, ...], datetime]]]:
    """Return per job (arguments, instant) of what the ledger holds at the instants of these plans."""
    since = min(
        (one.counts_at for _, plans in together for found in plans for one in found.emissions), default=None
    )
    if since is None:
        return {}
    with_siblings = {case.rules.job_id for case, _ in together if case.has_siblings}
    siblings = await siblings_of(session, with_siblings, since=since)
    wanted: dict[str, tuple[JobId, tuple[str, ...], datetime]] = {}
    instants: dict[JobId, set[datetime]] = {}
    for case, plans in together:
        job_id = case.rules.job_id
        if case.may_move:
            instants[job_id] = {one.counts_at for found in plans for one in found.emissions}
        for key, sibling, at in _keys(plans, siblings.get(job_id, ())):
            wanted[key] = (job_id, sibling.args, at)
    kept = await kept_promises(session, wanted.keys())
    taken: dict[JobId, set[tuple[tuple[str, ...], datetime]]] = {}
    for job_id, args, at in (*(wanted[key] for key in kept), *await moved_to(session, instants)):
        taken.setdefault(job_id, set()).add((args, at))
    return taken


def _keys(plans: Iterable[Plan], siblings: Iterable[Sibling]) -> Iterable[tuple[str, Sibling, datetime]]:
    others = list(siblings)
    for found in plans:
        for one in found.emissions:
            for sibling in others:
                if sibling.schedule_id != found.schedule_id:
                    yield promise_key(sibling.schedule_id, one.counts_at), sibling, one.counts_at
