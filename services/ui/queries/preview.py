"""A schedule while it is being typed: what it says, what it names next, and what may surprise."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.planned import CronPart, PreviewFire, PreviewNote, SchedulePreview
from services.ui.settings import default_zone
from services.ui.zones import checked_zone
from shared.db.calendars import calendars_by_ids
from shared.domain.calendars import Allowed, CalendarRules
from shared.domain.errors import InvalidInput, ScheduleError
from shared.domain.policy import OnExcluded, Policy, policy_from_json
from shared.domain.schedules import Cron, Manual, Schedule, Timetable, check_possible, from_json, timetable
from shared.domain.schedules.explain import explained, warnings

_SHOWN: Final = 10
_NOTES: Final = 4
_FORESEEN: Final = timedelta(days=400)
"""Far enough that every change of the clocks in a year is in it."""
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What stands in the form."""

    schedule: Mapping[str, object]
    zone: str | None = None
    policy: Mapping[str, object]
    seed: str | None = None
    """What `H` is expanded by; None: the expression itself."""


async def rules_of(session: AsyncSession, typed: Typed) -> CalendarRules:
    """Return the calendars that the form names; none while its rules cannot be read."""
    try:
        policy = policy_from_json(typed.policy)
        known = await calendars_by_ids(session, {*policy.include, *policy.exclude})
        return CalendarRules(
            include=tuple(known[one] for one in policy.include if one in known),
            exclude=tuple(known[one] for one in policy.exclude if one in known),
            on_excluded=policy.on_excluded,
        )
    except InvalidInput:
        return CalendarRules()


def preview(typed: Typed, rules: CalendarRules, *, now: datetime) -> SchedulePreview:
    """Say the schedule in words with its next ten instants, or what is wrong with it; never raises."""
    parts = _parts(typed.schedule)
    try:
        policy = policy_from_json(typed.policy)
        schedule = from_json(typed.schedule, anchor=now, seed=typed.seed)
        zone = checked_zone(typed.zone or default_zone())
        check_possible(schedule, zone, now=now)
        table = timetable(schedule, zone)
        instants = list(islice(_fires(table, policy, now), _SHOWN))
        fires = tuple(_judged(at, rules, zone) for at in instants)
        return SchedulePreview(
            text=schedule.describe(),
            next=fires,
            notes=_notes(table, now),
            warnings=(
                *warnings(schedule),
                *_of_the_span(schedule, policy, fires),
                *dict.fromkeys(words for at in instants for words in rules.warnings_at(at)),
            ),
            parts=parts,
            expanded=schedule.expr if isinstance(schedule, Cron) and schedule.typed else None,
        )
    except ScheduleError as error:
        return SchedulePreview(error=error.message, field=error.field, part=error.part, parts=parts)
    except InvalidInput as error:
        return SchedulePreview(error=error.message, field=error.field, parts=parts)


def _parts(schedule: Mapping[str, object]) -> tuple[CronPart, ...]:
    if schedule.get("kind") != "cron":
        return ()
    text = str(schedule.get("typed") or schedule.get("expr") or "")
    return tuple(CronPart(**asdict(part)) for part in explained(text))


def _fires(table: Timetable, policy: Policy, now: datetime) -> Iterator[datetime]:
    at = max(now, policy.starts_at - _INSTANT) if policy.starts_at is not None else now
    while (found := table.next_after(at)) is not None:
        if policy.ends_at is not None and found > policy.ends_at:
            return
        yield found
        at = found


def _judged(at: datetime, rules: CalendarRules, zone: str) -> PreviewFire:
    verdict = rules.verdict(at)
    if isinstance(verdict, Allowed):
        return PreviewFire(at=at)
    moves = rules.on_excluded is OnExcluded.MOVE
    return PreviewFire(at=at, excluded=verdict.describe(), moved_to=rules.moved(at, zone) if moves else None)


def _notes(table: Timetable, now: datetime) -> tuple[PreviewNote, ...]:
    found = table.transitions(now, now + _FORESEEN)
    return tuple(PreviewNote(at=note.at, text=note.text) for note in found[:_NOTES])


def _of_the_span(schedule: Schedule, policy: Policy, fires: tuple[PreviewFire, ...]) -> list[str]:
    is_bounded = policy.starts_at is not None or policy.ends_at is not None
    if fires or not is_bounded or isinstance(schedule, Manual):
        return []
    return ["Nothing falls between the job's start and its end."]
