"""What became of an instant that is in the ledger: the questions from its cause to its result."""

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.run import Cause, Reason, RunState
from shared.domain.why import waiting
from shared.domain.why.answer import Fix, Remedy, Verdict, Words
from shared.domain.why.facts import Facts, RunFacts
from shared.domain.why.finding import Finding, ends_well, passed, stops
from shared.domain.why.instant import exclusion_words, pause_at, pause_words

_AFTER_THE_FACT = Fix("Run it now after the fact.", Remedy.BACKFILL)
_CHOOSE = Fix("Choose which of its instants to run after the fact.", Remedy.BACKFILL)
_READ_LOG = Fix("Read its log.", Remedy.OPEN_RUN)
_OTHER_LIMIT = Fix("Give the job more, or find what uses it.", Remedy.EDIT)
_OVER_LIMIT = {Reason.MEMORY_LIMIT, Reason.PROCESS_LIMIT, Reason.DISK_LIMIT, Reason.CPU_LIMIT}
_CAUSES = MappingProxyType(
    {
        Cause.MANUAL: "Asked for",
        Cause.API: "Asked for over the API",
        Cause.CHAIN: "Started by another job",
        Cause.BACKFILL: "Asked for after the fact",
        Cause.RERUN: "Asked for again",
    }
)
_ENDS = MappingProxyType(
    {
        RunState.FAILED: "failed",
        RunState.TIMED_OUT: "was stopped at its timeout",
        RunState.CANCELLED: "was cancelled",
    }
)


def findings(facts: Facts, run: RunFacts) -> Iterator[Finding]:
    """Yield the answers in their order; the last one has the verdict."""
    yield _cause(facts, run)
    match run.state:
        case RunState.SKIPPED | RunState.MISSED:
            yield _not_run(facts, run)
        case RunState.CANCELLED if run.started_at is None:
            yield _withdrawn(facts, run)
        case RunState.HELD | RunState.QUEUED:
            yield from waiting.findings(facts, run)
        case RunState.RUNNING | RunState.LOST | RunState.SUCCEEDED:
            yield passed("Scheduler", f"Entered in the ledger as #{run.number}")
            yield _started(run)
        case RunState.FAILED | RunState.TIMED_OUT | RunState.CANCELLED:
            yield passed("Scheduler", f"Entered in the ledger as #{run.number}")
            yield _ended_badly(run)


def _cause(facts: Facts, run: RunFacts) -> Finding:
    if run.cause is not Cause.SCHEDULE:
        by = f" by {run.requested_by}" if run.requested_by else ""
        return passed("Cause", f"{_CAUSES[run.cause]}{by}")
    text = next((one.text for one in facts.schedules if one.id == run.schedule_id), None)
    moved: Words = () if run.due_at == run.nominal_at else (", moved to ", run.due_at)
    named = "Named by a schedule" if text is None else f"Named by “{text}”"
    return Finding(name="Schedule", words=(named, *moved))


def _not_run(facts: Facts, run: RunFacts) -> Finding:
    match run.reason:
        case Reason.OVERLAP:
            return _overlapped(facts, run)
        case Reason.COINCIDES | Reason.BRAKED:
            return _one_too_many(run)
        case Reason.CALENDAR:
            return stops("Calendar", Verdict.EXCLUDED, _excluded(facts, run), fix=_AFTER_THE_FACT)
        case Reason.DEADLINE:
            return _too_late(facts, run)
        case Reason.DOWNTIME:
            fix = _AFTER_THE_FACT if run.instants == 1 else _CHOOSE
            return stops("Scheduler", Verdict.MISSED, _missed(run), fix=fix)
        case _:
            return _decided(run)


def _decided(run: RunFacts) -> Finding:
    if run.state is RunState.MISSED:
        return stops("Decision", Verdict.MISSED, _sentence("Missed", run), fix=_AFTER_THE_FACT)
    words = _sentence("Skipped", run)
    if run.reason is Reason.PAUSED:
        fix = Fix("Run it now, or resume the job for the next time.", Remedy.RUN_NOW)
        return stops("Pause", Verdict.PAUSED, words, fix=fix)
    return stops("Decision", Verdict.SKIPPED, words, fix=_AFTER_THE_FACT)


def _one_too_many(run: RunFacts) -> Finding:
    if run.reason is Reason.BRAKED:
        fix = Fix("Find what starts it so often. If it is meant to, give it a higher brake.", Remedy.EDIT)
        return stops("Brake", Verdict.BRAKED, _sentence("Braked", run), fix=fix)
    words: Words = ("Skipped: another schedule of the job names the same instant, and ran for both",)
    return stops("Coincides", Verdict.COINCIDES, words)


def _overlapped(facts: Facts, run: RunFacts) -> Finding:
    other = facts.blocker
    words: Words = (f"Skipped: {run.detail or 'the run before was still going'}",)
    if other is not None:
        was = "waiting to start" if (run.detail or "").endswith("waiting to start") else "going"
        words = (f"Skipped: run #{other.number} (due ", other.due_at, f") was still {was}")
    return stops("Overlap", Verdict.SKIPPED, words, fix=_AFTER_THE_FACT)


def _excluded(facts: Facts, run: RunFacts) -> Words:
    """Say which calendar it was when the instant was decided: the calendars of today may differ."""
    if run.detail:
        return (f"Excluded: {run.detail}",)
    return ("Excluded by a calendar",) if facts.exclusion is None else exclusion_words(facts.exclusion)


def _too_late(facts: Facts, run: RunFacts) -> Finding:
    deadline = facts.policy.start_deadline
    if deadline is None:
        words = _sentence("Missed: not started before its deadline", run)
    else:
        words = ("Missed: not started by ", run.due_at + deadline, ", ", deadline, " after it was due")
    return stops("Deadline", Verdict.DEADLINE, words, fix=_AFTER_THE_FACT)


def _missed(run: RunFacts) -> Words:
    if run.instants == 1 or run.nominal_until is None:
        return (f"Missed: {run.detail or 'no scheduler was there to start it'}",)
    return (
        "Missed: no scheduler was there from ",
        run.nominal_at,
        " to ",
        run.nominal_until,
        f" ({run.instants:,} instants)",
    )


def _withdrawn(facts: Facts, run: RunFacts) -> Finding:
    match run.reason:
        case Reason.PAUSED:
            pause = pause_at(facts, run.due_at)
            words = pause_words(pause) if pause else ("Withdrawn: the job was paused",)
            is_open = pause is not None and pause.resumed_at is None
            fix = Fix("Resume the job.", Remedy.RESUME) if is_open else _AFTER_THE_FACT
            return stops("Pause", Verdict.PAUSED, words, fix=fix)
        case Reason.DELETED:
            since: Words = () if facts.deleted_at is None else (" ", facts.deleted_at)
            return stops("Deleted", Verdict.DELETED, ("Withdrawn: the job was deleted", *since))
        case Reason.EDITED:
            words = ("Withdrawn: its schedule was replaced before it was due",)
            return stops("Schedule", Verdict.EDITED, words)
        case Reason.OVERLAP:
            words = ("Cancelled before it started: a newer run took its place",)
            return stops("Overlap", Verdict.CANCELLED, words, fix=_AFTER_THE_FACT)
        case _:
            return stops("Cancelled", Verdict.CANCELLED, _sentence("Cancelled", run), fix=_AFTER_THE_FACT)


def _started(run: RunFacts) -> Finding:
    where = f" on {run.executor}" if run.executor else ""
    if run.state is RunState.SUCCEEDED:
        took: Words = () if run.duration is None else (" in ", run.duration)
        return ends_well("Result", Verdict.RAN, (f"It ran: #{run.number} succeeded", *took), fix=_READ_LOG)
    if run.state is RunState.LOST:
        words = (f"It started, and was lost: executor {run.executor or '?'} went silent",)
        return stops("Result", Verdict.FAILED, words, fix=_READ_LOG)
    since: Words = () if run.started_at is None else (" since ", run.started_at)
    return ends_well(
        "Result", Verdict.RUNNING, (f"It is running: #{run.number}{where}", *since), fix=_READ_LOG
    )


def _ended_badly(run: RunFacts) -> Finding:
    how = _ENDS[run.state]
    if run.reason in _OVER_LIMIT and run.detail:
        words = f"It ran: #{run.number} {how}, for it {run.detail[0].lower()}{run.detail[1:].rstrip('.')}"
        return stops("Result", Verdict.FAILED, (words,), fix=_OTHER_LIMIT)
    code = ""
    if run.signal is not None:
        code = f" by signal {run.signal}"
    elif run.exit_code is not None and run.state is RunState.FAILED:
        code = f" with exit code {run.exit_code}"
    took: Words = () if run.duration is None else (" after ", run.duration)
    return stops("Result", Verdict.FAILED, (f"It ran: #{run.number} {how}{code}", *took), fix=_READ_LOG)


def _sentence(start: str, run: RunFacts) -> Words:
    return (f"{start}: {run.detail}" if run.detail else start,)
