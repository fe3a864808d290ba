"""What becomes of a job's schedules when somebody saves it: kept, changed, new or retired."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.ui.commands.drafts import JobDraft, ScheduleDraft
from services.ui.settings import default_zone
from services.ui.zones import checked_zone
from shared.domain.errors import InvalidInput
from shared.domain.ids import JobId, ScheduleId, new_id
from shared.domain.job import JobSchedule, check_args
from shared.domain.schedules import Interval, Manual, Schedule, check_possible, from_json

MAX_SCHEDULES: Final = 20
_MANUAL: Final = ScheduleDraft(schedule={"kind": "manual"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """The job that is being saved, and when."""

    job_id: JobId
    now: datetime


def checked_schedules(
    draft: JobDraft, current: Sequence[JobSchedule], saving: Saving
) -> tuple[JobSchedule, ...]:
    """Return what the job is to follow. What did not change keeps its id, everything else has a new one.

    An interval that names no anchor keeps that of the interval it replaces, so that changing n does
    not move the grid; else it counts from now. `H` in a cron expression is expanded by the job's id.

    Raises:
        InvalidInput: on a field of the draft, after `schedules.<index>.` where a list was given.
    """
    drafts, prefixed = _drafts_of(draft)
    if len(drafts) > MAX_SCHEDULES:
        raise InvalidInput("schedules", f"A job has at most {MAX_SCHEDULES} schedules. Make a second job.")
    free = {one.id: one for one in current}
    kept: dict[int, JobSchedule] = {}
    # Those that name the schedule they change come first: the others may take what is left.
    for index, one in sorted(enumerate(drafts), key=lambda pair: pair[1].id is None):
        with _at(index, prefixed=prefixed):
            kept[index] = _judged(one, free, saving)
    found = [kept[index] for index in range(len(drafts))]
    _refuse_contradictions(found)
    return _with_ids(found, current)


def _drafts_of(draft: JobDraft) -> tuple[tuple[ScheduleDraft, ...], bool]:
    if draft.schedules is not None and draft.schedule:
        raise InvalidInput("schedules", "Give schedule or schedules, not both.")
    if draft.schedules is not None:
        return draft.schedules or (_MANUAL,), True
    if not draft.schedule:
        raise InvalidInput("schedule", "Say when the job runs: give its schedule, or its schedules.")
    return (ScheduleDraft(schedule=draft.schedule),), False


@contextmanager
def _at(index: int, *, prefixed: bool) -> Iterator[None]:
    try:
        yield
    except InvalidInput as error:
        if prefixed:
            error.field = f"schedules.{index}.{error.field}"
        raise


def _judged(draft: ScheduleDraft, free: dict[ScheduleId, JobSchedule], saving: Saving) -> JobSchedule:
    """Return the schedule under the id that it keeps or a new one; what it replaces leaves `free`."""
    zone = checked_zone(draft.zone or default_zone())
    if draft.args is not None:
        check_args(draft.args)
    for old in _may_replace(draft, free):
        wanted = replace(
            old, schedule=_read(draft.schedule, old.schedule, saving), zone=zone, args=draft.args
        )
        if wanted == old:
            return free.pop(old.id)
    replaced = _replaced(draft, free)
    if replaced is not None:
        del free[replaced.id]
    schedule = _read(draft.schedule, None if replaced is None else replaced.schedule, saving)
    check_possible(schedule, zone, now=saving.now)
    return JobSchedule(id=ScheduleId(new_id()), schedule=schedule, zone=zone, args=draft.args)


def _may_replace(draft: ScheduleDraft, free: Mapping[ScheduleId, JobSchedule]) -> list[JobSchedule]:
    if draft.id is None:
        return list(free.values())
    known = free.get(ScheduleId(draft.id))
    if known is None:
        raise InvalidInput("id", "The job has no such schedule. Leave the id out to add a new one.")
    return [known]


def _replaced(draft: ScheduleDraft, free: Mapping[ScheduleId, JobSchedule]) -> JobSchedule | None:
    if draft.id is not None:
        return free[ScheduleId(draft.id)]
    return next((old for old in free.values() if isinstance(old.schedule, Interval)), None)


def _read(value: Mapping[str, object], old: Schedule | None, saving: Saving) -> Schedule:
    anchor = old.anchor if isinstance(old, Interval) else saving.now
    return from_json(value, anchor=anchor, seed=str(saving.job_id))


def _refuse_contradictions(schedules: Sequence[JobSchedule]) -> None:
    if len(schedules) > 1 and any(isinstance(one.schedule, Manual) for one in schedules):
        raise InvalidInput("schedules", "Manual stands alone. Remove it, or the other schedules.")
    seen: dict[tuple[object, ...], int] = {}
    for number, one in enumerate(schedules, start=1):
        first = seen.setdefault((one.schedule, one.zone, one.args), number)
        if first != number:
            raise InvalidInput(
                f"schedules.{number - 1}.schedule",
                f"Schedule {number} says the same as schedule {first}. Remove one of them.",
            )


def _with_ids(schedules: Sequence[JobSchedule], current: Sequence[JobSchedule]) -> tuple[JobSchedule, ...]:
    # Ids made in one millisecond are in no order; a job's schedules are listed by id.
    old = {one.id for one in current}
    fresh = iter(sorted(one.id for one in schedules if one.id not in old))
    return tuple(one if one.id in old else replace(one, id=next(fresh)) for one in schedules)
