"""Alerts: what people want to be told, when it holds, and when a channel may be disturbed. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from shared.domain.errors import InvalidInput
from shared.domain.run import Cause, RunState


class AlertKind(StrEnum):
    """What a rule tells of."""

    FAILED = "failed"
    """A run failed, timed out or was lost, and so did those before it, `in_a_row` of them."""
    TIMED_OUT = "timed-out"
    LOST = "lost"
    MISSED = "missed"
    LATE = "late"
    """A scheduled run did not start within `after_s` of its instant."""
    NO_SUCCESS = "no-success"
    """A job has not succeeded for `after_s`: the dead-man's switch."""
    SLOW = "slow"
    """A run took, or takes, more than `factor` times what 95 of 100 take."""
    FAST = "fast"
    """A run succeeded in less than the `factor`-th part of what half of them take."""
    EXECUTOR = "executor-offline"
    QUEUE = "queue-old"
    """The oldest run that is due has waited for `after_s`."""


class AlertScope(StrEnum):
    """Of which jobs a rule tells."""

    ALL = "all"
    FOLDER = "folder"
    """Those whose scripts are in a folder, or below it."""
    JOB = "job"


class ChannelKind(StrEnum):
    """How a channel speaks."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    APPRISE = "apprise"


class DeliveryState(StrEnum):
    """What became of a message."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given-up"


FAILURES: Final = frozenset({RunState.FAILED, RunState.TIMED_OUT, RunState.LOST})
STARTED: Final = FAILURES | {RunState.SUCCEEDED}
OF_THE_WHOLE: Final = frozenset({AlertKind.EXECUTOR, AlertKind.QUEUE})
"""Kinds that are of no job."""
WITH_AFTER: Final = frozenset({AlertKind.LATE, AlertKind.NO_SUCCESS, *OF_THE_WHOLE})
WITH_FACTOR: Final = frozenset({AlertKind.SLOW, AlertKind.FAST})

GIVES_UP_AFTER: Final = timedelta(hours=12)
"""A message that could not be delivered for so long is given up."""
GATHERS_FOR: Final = timedelta(minutes=1)
"""So long after a message a channel is left alone; what comes meanwhile is the next one."""
LONGEST_SNOOZE: Final = timedelta(days=30)
_BACKOFF_S = (15, 30, 60, 120, 300, 600, 1_200, 1_800)
_LEAST_USUAL = 10
"""From so few successes on nobody can say what is usual."""
_LEAST_MS = 1_000
"""What differs by less than this from the usual is nobody's business."""
_MINUTE, _MONTH = 60, 31 * 86_400
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What somebody wants to be told, and where."""

    id: UUID
    kind: AlertKind
    scope: AlertScope
    job_id: UUID | None = None
    folder: str = ""
    in_a_row: int = 1
    after_s: int = 600
    factor: float = 3.0
    channels: tuple[UUID, ...] = ()
    tells_end: bool = True
    remind_s: int | None = None
    is_on: bool = True
    snoozed_until: datetime | None = None
    created_at: datetime = _EVER

    def speaks(self, now: datetime) -> bool:
        """Say whether it tells of anything new now."""
        return self.is_on and (self.snoozed_until is None or self.snoozed_until <= now)

    def covers(self, job_id: UUID, script: str) -> bool:
        """Say whether it is about this job."""
        if self.kind in OF_THE_WHOLE:
            return False
        match self.scope:
            case AlertScope.ALL:
                return True
            case AlertScope.FOLDER:
                return script.startswith(f"{self.folder}/")
            case AlertScope.JOB:
                return self.job_id == job_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """How long a job's successes took, as its insights have it."""

    count: int
    p50_ms: int
    p95_ms: int

    @property
    def is_enough(self) -> bool:
        """Say whether there were successes enough to know what is usual."""
        return self.count >= _LEAST_USUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run that ended, or goes on: as much as rules judge by."""

    state: RunState
    cause: Cause
    attempt: int
    due_at: datetime
    started_at: datetime | None
    duration_ms: int | None
    failures: int = 0
    """So many failed in a row, this one included, as far as was counted."""
    usual: Usual | None = None


def verdict(rule: Rule, run: Ended) -> bool | None:
    """Say whether what the rule tells of holds after this run, or is over; None: it says nothing of that."""
    match rule.kind:
        case AlertKind.FAILED:
            return _has_failed(rule, run)
        case AlertKind.TIMED_OUT | AlertKind.LOST | AlertKind.MISSED:
            return _is(run, _OF_ONE_END[rule.kind])
        case AlertKind.LATE:
            return _is_late(rule, run)
        case AlertKind.SLOW | AlertKind.FAST:
            return _is_unusual(rule, run)
        case AlertKind.NO_SUCCESS | AlertKind.EXECUTOR | AlertKind.QUEUE:
            return None  # what no run says: these are looked for


_OF_ONE_END: Final = {
    AlertKind.TIMED_OUT: RunState.TIMED_OUT,
    AlertKind.LOST: RunState.LOST,
    AlertKind.MISSED: RunState.MISSED,
}


def _has_failed(rule: Rule, run: Ended) -> bool | None:
    if run.state is RunState.SUCCEEDED:
        return False
    return True if run.state in FAILURES and run.failures >= rule.in_a_row else None


def _is(run: Ended, state: RunState) -> bool | None:
    if run.state is state:
        return True
    return False if run.state in STARTED else None


def _is_late(rule: Rule, run: Ended) -> bool | None:
    if run.cause is not Cause.SCHEDULE or run.started_at is None or run.attempt > 1:
        return None
    return run.started_at - run.due_at > timedelta(seconds=rule.after_s)


def _is_unusual(rule: Rule, run: Ended) -> bool | None:
    took, usual = run.duration_ms, run.usual
    if took is None or usual is None or not usual.is_enough:
        return None
    if rule.kind is AlertKind.SLOW:
        return took > max(usual.p95_ms * rule.factor, usual.p95_ms + _LEAST_MS)
    if run.state is not RunState.SUCCEEDED:
        return None
    return took < min(usual.p50_ms / rule.factor, usual.p50_ms - _LEAST_MS)


def in_a_row(states: Sequence[RunState]) -> int:
    """Return how many of these, newest first, failed before one succeeded; what never started counts not."""
    count = 0
    for state in states:
        if state is RunState.SUCCEEDED:
            break
        count += state in FAILURES
    return count


def checked_rule(rule: Rule) -> Rule:
    """Return the rule with what it does not need left out.

    Raises:
        InvalidInput: on the field that is wrong, with what to do.
    """
    folder = _checked_scope(rule)
    if not 1 <= rule.in_a_row <= 100:  # noqa: PLR2004
        raise InvalidInput("in_a_row", "Tell after 1 to 100 failures in a row.")
    if rule.kind in WITH_AFTER and not 10 <= rule.after_s <= _MONTH:  # noqa: PLR2004
        raise InvalidInput("after_s", "Wait for 10 seconds at least and 31 days at most.")
    if not 1.1 <= rule.factor <= 100:  # noqa: PLR2004
        raise InvalidInput("factor", "A factor is 1.1 at least and 100 at most.")
    if rule.remind_s is not None and not _MINUTE * 10 <= rule.remind_s <= _MONTH:
        raise InvalidInput("remind_s", "Remind every 10 minutes at most, and every 31 days at least.")
    if not rule.channels:
        raise InvalidInput("channels", "Choose a channel at least, or nobody is told.")
    return replace(rule, folder=folder)


def _checked_scope(rule: Rule) -> str:
    """Return the folder without slashes around it."""
    if rule.kind in OF_THE_WHOLE and rule.scope is not AlertScope.ALL:
        raise InvalidInput("scope", "This is of no job: choose all.")
    if rule.kind is AlertKind.NO_SUCCESS and rule.scope is not AlertScope.JOB:
        raise InvalidInput("scope", "How long is too long differs from job to job: choose one job.")
    if (rule.scope is AlertScope.JOB) != (rule.job_id is not None):
        raise InvalidInput("job_id", "Choose the job.")
    folder = rule.folder.strip().strip("/")
    if (rule.scope is AlertScope.FOLDER) != bool(folder) or len(folder) > 255:  # noqa: PLR2004 - a script's
        raise InvalidInput("folder", "Name the folder of the scripts, such as finance/daily.")
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Hours of the day in which a channel is left alone; they may go over midnight."""

    begins: time
    ends: time
    zone: str

    def until(self, now: datetime) -> datetime:
        """Return when the channel may be disturbed: now, or the end of the hours in which now lies."""
        local = now.astimezone(ZoneInfo(self.zone))
        at = local.time()
        if self.begins <= self.ends:
            is_quiet, is_tomorrow = self.begins <= at < self.ends, False
        else:
            is_quiet, is_tomorrow = at >= self.begins or at < self.ends, at >= self.begins
        if not is_quiet:
            return now
        day = local.date() + timedelta(days=is_tomorrow)
        return datetime.combine(day, self.ends, tzinfo=local.tzinfo).astimezone(UTC)


def quiet_from(value: Mapping[str, Any] | None) -> Quiet | None:
    """Return quiet hours from what is stored of them.

    Raises:
        InvalidInput: on field `quiet`: they are no hours, or both are the same.
    """
    if value is None:
        return None
    try:
        begins, ends = time.fromisoformat(value["begins"]), time.fromisoformat(value["ends"])
        quiet = Quiet(begins=begins, ends=ends, zone=ZoneInfo(value["zone"]).key)
    except (KeyError, ValueError, TypeError, OSError):
        raise InvalidInput(
            "quiet", "Quiet hours are two times, such as 22:00 and 07:00, and a zone."
        ) from None
    if begins == ends or begins.tzinfo is not None or ends.tzinfo is not None:
        raise InvalidInput("quiet", "Quiet hours begin and end at different times.")
    return quiet


def next_try(tries: int, now: datetime) -> datetime:
    """Return when a message that failed so often is tried again: after 15 s at first, 30 min at last."""
    return now + timedelta(seconds=_BACKOFF_S[min(tries, len(_BACKOFF_S)) - 1])


def checked_snooze(seconds: int) -> timedelta:
    """Return how long a rule is to be silent; 0: it speaks again.

    Raises:
        InvalidInput: on field `for_s`.
    """
    if not 0 <= seconds <= LONGEST_SNOOZE.total_seconds():
        raise InvalidInput("for_s", "A rule sleeps for 30 days at most; 0 wakes it.")
    return timedelta(seconds=seconds)
