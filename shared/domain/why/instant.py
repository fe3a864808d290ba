"""Why nothing is in the ledger for an instant: the questions from the job's creation to its decision."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from shared.domain.calendars import Excluded
from shared.domain.chain import Join
from shared.domain.instants import Followed, nearest_after, nearest_before
from shared.domain.why.answer import Fix, Remedy, Verdict, Words
from shared.domain.why.facts import Facts, Pause, Standing
from shared.domain.why.finding import Finding, ends_well, passed, stops

DECIDES_WITHIN = timedelta(seconds=10)
"""So long after an instant the scheduler may still be about to write it down."""

_AFTER_THE_FACT = Fix("Run this instant after the fact.", Remedy.BACKFILL)


def findings(facts: Facts) -> Iterator[Finding]:
    """Yield the answers in their order; the last one has the verdict."""
    policy = facts.policy
    limits = (_window,) if (policy.starts_at or policy.ends_at or policy.max_runs) else ()
    calendars = (_calendar,) if (policy.include or policy.exclude or facts.exclusion) else ()
    for question in (_created, _deleted, _named, *limits, _pause, *calendars, _due, _decided):
        found = question(facts)
        yield found
        if found.verdict is not None:
            return


def pause_at(facts: Facts, at: datetime) -> Pause | None:
    """Return the pause that this instant fell into."""
    return next((pause for pause in facts.pauses if pause.holds(at)), None)


def pause_words(pause: Pause) -> Words:
    """Say who paused it, since when, and until when."""
    if pause.resumed_at is None:
        return ("Paused by ", pause.paused_by, " since ", pause.paused_at)
    by = f" (resumed by {pause.resumed_by})" if pause.resumed_by not in {None, pause.paused_by} else ""
    return ("Paused by ", pause.paused_by, " from ", pause.paused_at, " to ", pause.resumed_at, by)


def exclusion_words(excluded: Excluded) -> Words:
    """Say which calendar excludes it, and as what."""
    names = " and ".join(excluded.by)
    if not excluded.inside:
        return (f"Excluded: it is outside of {names}",)
    return (f"Excluded by calendar {names}", f": {excluded.label}" if excluded.label else "")


def silence(standing: Standing) -> Finding:
    """Say that no scheduler decides anything."""
    since: Words = () if standing.silent_since is None else (" since ", standing.silent_since)
    return stops(
        "Scheduler",
        Verdict.SCHEDULER_SILENT,
        ("No scheduler has decided anything", *since, ": nothing is lost"),
        fix=Fix("Start the scheduler again: it decides what was due. `portal status` says how it stands."),
    )


def _created(facts: Facts) -> Finding:
    if facts.at < facts.created_at:
        return stops(
            "Created", Verdict.BEFORE_CREATED, ("Before the job was created, which was ", facts.created_at)
        )
    return passed("Created", facts.created_at)


def _deleted(facts: Facts) -> Finding:
    if facts.deleted_at is not None and facts.at > facts.deleted_at:
        fix = Fix("Restore the job: its schedules are then followed again.", Remedy.RESTORE)
        return stops("Deleted", Verdict.DELETED, ("Deleted since ", facts.deleted_at), fix=fix)
    return passed("Deleted", "Not deleted then")


def _named(facts: Facts) -> Finding:
    naming = next((one for one in facts.schedules if one.named(facts.at)), None)
    if naming is not None:
        return passed("Schedule", f"Named by “{naming.text}”")
    otherwise = next((one for one in facts.schedules if one.would_name(facts.at)), None)
    if otherwise is not None:
        return _of_another_time(otherwise, facts)
    before, after = nearest_before(facts.schedules, facts.at), nearest_after(facts.schedules, facts.at)
    nearby = tuple(at for at in (before, after) if at is not None)
    if not nearby and facts.before:
        return stops("Schedule", Verdict.AFTER, _after_others(facts))
    if not nearby:
        return stops(
            "Schedule",
            Verdict.MANUAL,
            ("No schedule names any instant: the job runs when somebody asks for it",),
            fix=Fix("Run it now, or give it a schedule.", Remedy.RUN_NOW),
        )
    return stops("Schedule", Verdict.NO_INSTANT, _next_to_it(before, after), nearby=nearby)


def _after_others(facts: Facts) -> Words:
    """Say which jobs are waited for; and, where all must have ended, which of them have."""
    waited = [
        f"{one.name}, which is deleted" if one.is_deleted else one.name
        for one in facts.before
        if one.arrived_at is None
    ]
    there = [one for one in facts.before if one.arrived_at is not None]
    if not waited:
        return ("It runs after other jobs, which have all ended: it is about to be started",)
    if facts.join is Join.ANY:
        return (f"It runs after other jobs: waits for {' or '.join(waited)}",)
    arrived: list[str | datetime] = []
    for one in there:
        assert one.arrived_at is not None
        arrived += (", " if arrived else " (", f"{one.name} arrived at ", one.arrived_at)
    closed = (")",) if arrived else ()
    return (f"It runs after other jobs: waits for {' and '.join(waited)}", *arrived, *closed)


def _next_to_it(before: datetime | None, after: datetime | None) -> Words:
    start = "Not an instant of this job: its schedules name "
    match before, after:
        case None, datetime() as later:
            return (start, "first ", later)
        case datetime() as earlier, None:
            return (start, earlier, " last")
        case datetime() as earlier, datetime() as later:
            return (start, earlier, " before it and ", later, " after it")
        case _:
            raise AssertionError("one of them is there")


def _of_another_time(schedule: Followed, facts: Facts) -> Finding:
    if facts.at <= schedule.since:
        words: Words = (f"“{schedule.text}” names it, but is followed only since ", schedule.since)
    else:
        words = (f"“{schedule.text}” named it, but was replaced ", schedule.until or facts.now)
    return stops("Schedule", Verdict.EDITED, words, fix=Fix("Run this instant by hand.", Remedy.RUN_NOW))


def _window(facts: Facts) -> Finding:
    policy = facts.policy
    if policy.starts_at is not None and facts.at < policy.starts_at:
        words: Words = ("Before the job's start, which is ", policy.starts_at)
    elif policy.ends_at is not None and facts.at > policy.ends_at:
        words = ("After the job's end, which was ", policy.ends_at)
    elif policy.max_runs is not None and facts.promised_count >= policy.max_runs:
        words = (f"The job has had as many scheduled runs as it may have: {policy.max_runs:,}",)
    else:
        return passed("Limits", "Within the job's start, end and number of runs")
    return stops("Limits", Verdict.OUTSIDE, words, fix=Fix("Change the job's limits.", Remedy.EDIT))


def _pause(facts: Facts) -> Finding:
    pause = pause_at(facts, facts.at)
    if pause is None:
        return passed("Pause", "Not paused then")
    fix = Fix("Resume the job.", Remedy.RESUME) if pause.resumed_at is None else _AFTER_THE_FACT
    return stops("Pause", Verdict.PAUSED, pause_words(pause), fix=fix)


def _calendar(facts: Facts) -> Finding:
    if facts.exclusion is None:
        return passed("Calendar", "No calendar excludes it")
    words = exclusion_words(facts.exclusion)
    fix = Fix("Change the calendar, or the job's rules.", Remedy.OPEN_CALENDARS)
    return stops("Calendar", Verdict.EXCLUDED, words, fix=fix)


def _due(facts: Facts) -> Finding:
    if facts.at > facts.now:
        return ends_well("Due", Verdict.NOT_YET, ("Not yet: due in ", facts.at - facts.now, ", ", facts.at))
    return passed("Due", facts.at)


def _decided(facts: Facts) -> Finding:
    standing = facts.standing
    is_open = standing.silent_since is None or facts.at >= standing.silent_since
    if not standing.scheduler and is_open:
        return silence(standing)
    if facts.now - facts.at <= DECIDES_WITHIN:
        return ends_well("Scheduler", Verdict.DECIDING, ("Due this moment: the scheduler is deciding it",))
    if facts.removed_until is not None and facts.at <= facts.removed_until:
        words: Words = ("Its run is not kept any more: runs up to ", facts.removed_until, " were removed")
        return stops("History", Verdict.UNRECORDED, words)
    return stops(
        "Scheduler",
        Verdict.UNRECORDED,
        ("Nothing is recorded: the job was changed around this instant, or its history was removed",),
        fix=_AFTER_THE_FACT,
    )
