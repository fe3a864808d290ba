"""The week of all jobs: how many starts are planned in each hour, and which jobs they are.

Counting is closed form, and schedules that say the same are counted once: jobs are many, rules are few.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.planned import BusyInstant, Planned, PlannedJob, Week, WeekDay, WeekHour
from shared.db.tables import JobLedgerRow, JobRow, ScheduleRow
from shared.domain.policy import Policy, policy_from_json
from shared.domain.schedules import Interval, Manual, Schedule, Timetable, from_json, instant_of, timetable

MAX_SCHEDULES: Final = 20_000
MAX_PLANNED: Final = 200
_BUSIEST: Final = 3
_SPARSE: Final = 400
"""A schedule with at most so many fires in the week is walked; a denser one is counted by the hour."""
_CROWD: Final = 3_600
_NOTABLE: Final = 5
"""What is less than this part of the fullest instant is not worth a word."""
_INSTANT: Final = timedelta(microseconds=1)
_DAYS: Final = 7
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSchedule:
    """One schedule of a living job that is not paused."""

    job_id: UUID
    job_name: str
    schedule: Schedule
    zone: str
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """The schedules that are counted, and whether there are more."""

    schedules: tuple[PlannedSchedule, ...]
    cut: bool


async def newest_change(session: AsyncSession) -> datetime | None:
    """Return when a job was made or changed last; None: there is no job."""
    return await session.scalar(select(func.max(JobRow.updated_at)))


async def rows_of_schedules(session: AsyncSession) -> Sequence[Any]:
    """Return the schedules that are followed as rows, at most one more than `MAX_SCHEDULES`.

    Of a job that has reached its number of runs or its end nothing is planned, whatever its rules name.
    """
    is_over = and_(JobLedgerRow.seen_version == JobRow.version, JobLedgerRow.next_due_at.is_(None))
    rows = await session.execute(
        select(ScheduleRow.job_id, JobRow.name, ScheduleRow.spec, ScheduleRow.zone, JobRow.policy)
        .join(JobRow, JobRow.id == ScheduleRow.job_id)
        .outerjoin(JobLedgerRow, JobLedgerRow.job_id == JobRow.id)
        .where(
            ScheduleRow.retired_at.is_(None),
            JobRow.deleted_at.is_(None),
            JobRow.paused_at.is_(None),
            or_(JobLedgerRow.job_id.is_(None), not_(is_over)),
        )
        .order_by(ScheduleRow.id)
        .limit(MAX_SCHEDULES + 1)
    )
    return rows.all()


def plans_of(rows: Sequence[Any]) -> Plans:
    """Read the rows. Takes half a second for many thousand: call it in a thread."""
    read = (
        PlannedSchedule(
            job_id=row.job_id,
            job_name=row.name,
            schedule=from_json(row.spec),
            zone=row.zone,
            policy=policy_from_json(row.policy),
        )
        for row in rows[:MAX_SCHEDULES]
    )
    schedules = tuple(one for one in read if not isinstance(one.schedule, Manual))
    return Plans(schedules=schedules, cut=len(rows) > MAX_SCHEDULES)


def week_of(plans: Plans, *, start: date, zone: str, now: datetime) -> Week:
    """Count what is planned after `now` in the seven days from `start` in this zone.

    Takes seconds for many thousand rules: call it in a thread.
    """
    days = [list(hours_of(start + timedelta(days=n), zone)) for n in range(_DAYS)]
    hours = [hour for day in days for hour in day]
    edges = [hour.begin for hour in hours]
    counts = [0] * len(hours)
    groups = _groups(plans.schedules, max(edges[0], now))
    jobs: set[UUID] = set()
    for one, same in groups:
        found = _count(_span_of(one, max(edges[0], now), hours[-1].end), edges)
        for index, starts in found.items():
            counts[index] += starts * len(same)
        if found:
            jobs.update(each.job_id for each in same)
    filled = iter(counts)
    shown = [[_with(hour, next(filled)) for hour in day] for day in days]
    return Week(
        zone=zone,
        start=start.isoformat(),
        days=tuple(
            WeekDay(
                date=(start + timedelta(days=n)).isoformat(),
                hours=tuple(day),
                starts=sum(hour.starts for hour in day),
            )
            for n, day in enumerate(shown)
        ),
        starts=sum(counts),
        jobs=len(jobs),
        busiest=tuple(_busiest(groups, [hour for day in shown for hour in day], now)),
        with_calendar=len({p.job_id for p in plans.schedules if p.policy.include or p.policy.exclude}),
        cut=plans.cut,
        counted=len(plans.schedules),
    )


def planned_between(plans: Plans, *, begin: datetime, end: datetime) -> Planned:
    """Return the jobs with a start in [`begin`, `end`), at most `MAX_PLANNED`, by their first one there."""
    found: dict[UUID, PlannedJob] = {}
    for one in plans.schedules:
        span = _span_of(one, begin, end)
        starts = span.count()
        first = span.first() if starts else None
        if first is not None:
            found[one.job_id] = _joined(found.get(one.job_id), one, first, starts)
    items = sorted(found.values(), key=lambda item: (item.first, item.job_name))
    return Planned(
        items=tuple(items[:MAX_PLANNED]), jobs=len(items), starts=sum(item.starts for item in items)
    )


def hours_of(day: date, zone: str) -> Iterator[WeekHour]:
    """Return the hours that this day really has, each as it reads on the wall: 23 to 25 of them."""
    tz = ZoneInfo(zone)
    at, end = (_midnight(each, zone) for each in (day, day + timedelta(days=1)))
    seen: Counter[int] = Counter()
    while at < end:
        local = at.astimezone(tz)
        until = min(end, at + timedelta(hours=1) - timedelta(minutes=local.minute, seconds=local.second))
        yield WeekHour(begin=at, end=until, hour=local.hour, again=seen[local.hour] > 0, starts=0)
        seen[local.hour] += 1
        at = until


def _midnight(day: date, zone: str) -> datetime:
    """Return when the day begins; a day that clocks leave out begins with the next one."""
    return instant_of(datetime.combine(day, time()), zone) or _midnight(day + timedelta(days=1), zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """What a schedule names in a span of time, inside of its job's start and end."""

    table: Timetable
    after: datetime
    until: datetime

    def count(self) -> int:
        return self.table.count_between(self.after, self.until) if self.after < self.until else 0

    def first(self) -> datetime | None:
        return self.table.next_after(self.after)

    def fires(self) -> Iterator[datetime]:
        return iter(self.table.between(self.after, self.until))


def _span_of(one: PlannedSchedule, begin: datetime, end: datetime) -> _Span:
    """Return the span [begin, end) as (after, until], for fires are whole seconds."""
    starts_at, ends_at = one.policy.starts_at, one.policy.ends_at
    return _Span(
        table=timetable(one.schedule, one.zone),
        after=max(begin, starts_at or begin) - _INSTANT,
        until=min(end - _INSTANT, ends_at or end),
    )


def _count(span: _Span, edges: list[datetime]) -> Counter[int]:
    found: Counter[int] = Counter()
    total = span.count()
    if total <= _SPARSE:
        found.update(bisect_right(edges, at) - 1 for at in span.fires() if total)
        return found
    for index, edge in enumerate(edges):
        last = span.until if index + 1 == len(edges) else min(edges[index + 1] - _INSTANT, span.until)
        first = max(edge - _INSTANT, span.after)
        if first < last:
            found[index] = span.table.count_between(first, last)
    return +found


_Group = tuple[PlannedSchedule, list[PlannedSchedule]]


def _groups(schedules: Iterable[PlannedSchedule], since: datetime) -> list[_Group]:
    """Return schedules that fire at the same instants together, each group behind one of them."""
    found: defaultdict[tuple[object, ...], list[PlannedSchedule]] = defaultdict(list)
    for one in schedules:
        found[_rhythm(one, since), one.policy.starts_at, one.policy.ends_at].append(one)
    return [(same[0], same) for same in found.values()]


def _rhythm(one: PlannedSchedule, since: datetime) -> tuple[object, ...]:
    """Return what two schedules that fire at the same instants from `since` on have in common."""
    match one.schedule:
        case Interval(every=every, anchor=anchor) if anchor <= since - every:
            # Elapsed time knows no zone, and an old anchor only its place in the rhythm.
            return every, (anchor - _EPOCH) % every
        case schedule:
            return schedule, one.zone


def _busiest(groups: list[_Group], hours: list[WeekHour], now: datetime) -> Iterator[BusyInstant]:
    """Yield the fullest instant of each of the fullest hours, where more than one start coincides.

    One hour of the day is told once: what is full at midnight mostly is so on every day.
    """
    fullest: dict[int, WeekHour] = {}
    for hour in sorted(hours, key=lambda each: -each.starts):
        fullest.setdefault(hour.hour, hour)
    most = 0
    for hour in list(fullest.values())[:_BUSIEST]:
        together: Counter[datetime] = Counter()
        for one, same in groups:
            for at in islice(_span_of(one, max(hour.begin, now), hour.end).fires(), _CROWD):
                together[at] += len(same)
        at, starts = together.most_common(1)[0] if together else (hour.begin, 0)
        most = max(most, starts)
        if starts > max(1, most // _NOTABLE):
            yield BusyInstant(at=at, starts=starts, begin=hour.begin)


def _with(hour: WeekHour, starts: int) -> WeekHour:
    return WeekHour(begin=hour.begin, end=hour.end, hour=hour.hour, again=hour.again, starts=starts)


def _joined(known: PlannedJob | None, one: PlannedSchedule, first: datetime, starts: int) -> PlannedJob:
    text = one.schedule.describe()
    return PlannedJob(
        job_id=one.job_id,
        job_name=one.job_name,
        text=text if known is None else f"{known.text}; {text}",
        first=first if known is None else min(first, known.first),
        starts=starts + (0 if known is None else known.starts),
    )
