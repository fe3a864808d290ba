"""What a person decides about a job's instants: which may be caught up, moved, delayed or left out.

Every choice has the default that surprises least, and every instant that a policy keeps from running is
a row in the ledger with its reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from shared.domain.brake import MOST_PER_MINUTE, USUAL_PER_MINUTE
from shared.domain.errors import InvalidInput
from shared.domain.ids import CalendarId
from shared.domain.retention import LEAST_BYTES, MOST_BYTES, MOST_DAYS, MOST_RUNS
from shared.domain.retry import NO_RETRIES, RetryRule, checked_retry_rule

DEFAULT_CATCH_UP = timedelta(hours=24)
ONE_SHOT_CATCH_UP = timedelta(days=7)
MAX_CAUGHT_UP = 100
"""So many missed instants run at most after one outage; the others are counted as missed."""
MAX_QUEUED = 100
"""So many runs of one job wait for the one before at most; further ones are skipped."""
_YEAR = timedelta(days=366)

Choice = TypeVar("Choice", bound=StrEnum)
Value = TypeVar("Value")


class Overlap(StrEnum):
    """What to do when a run is due while another of the same job has not ended."""

    SKIP = "skip"
    QUEUE_ONE = "queue-one"
    QUEUE_ALL = "queue-all"
    ALLOW = "allow"
    CANCEL_PREVIOUS = "cancel-previous"


class OnMissed(StrEnum):
    """What to do with instants that passed while no scheduler was there."""

    LATEST = "latest"
    ALL = "all"
    SKIP = "skip"


class OnExcluded(StrEnum):
    """What to do with an instant that a calendar excludes."""

    SKIP = "skip"
    MOVE = "move"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The choices of one job; make it with `policy_from_json` or check it with `checked_policy`."""

    on_missed: OnMissed = OnMissed.LATEST
    catch_up: timedelta | None = None
    """So old a missed instant may be and still run; None: 24 h, and 7 days for a one-shot."""
    max_concurrent: int | None = None
    """How many runs may go at once where overlap is allowed; None: any number."""
    start_deadline: timedelta | None = None
    """A run that was not started so long after it was due is missed; None: it waits for ever."""
    jitter: timedelta = timedelta(0)
    """Instants are spread over this much time after their nominal instant, each always by the same."""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    """The first and the last instant that count, both inclusive."""
    max_runs: int | None = None
    """So many scheduled instants run; what somebody asks for and what is skipped does not count."""
    include: tuple[CalendarId, ...] = ()
    exclude: tuple[CalendarId, ...] = ()
    on_excluded: OnExcluded = OnExcluded.SKIP
    starts_per_minute: int = USUAL_PER_MINUTE
    """More often the job does not start by itself, over some minutes: see `shared.domain.brake`."""
    keep_days: int | None = None
    """So many days after its end a run is removed; None: as the portal's setting says."""
    keep_runs: int | None = None
    """So many of its runs are kept at most; None: as the portal's setting says."""
    keep_bytes: int | None = None
    """So much of what its runs printed is kept at most; None: as the portal's setting says."""
    retry: RetryRule = NO_RETRIES
    """When a run that failed is tried again; what a loss means for that is in the job's `on_lost`."""

    def at_once(self, overlap: Overlap) -> int | None:
        """Return how many runs of the job may go at the same time under this rule; None: any number."""
        return self.max_concurrent if overlap is Overlap.ALLOW else 1


DEFAULT_POLICY = Policy()


def checked_policy(policy: Policy) -> Policy:
    """Return the policy if it can be kept.

    Raises:
        InvalidInput: with the field and what to do.
    """
    for field, value in (
        ("catch_up_s", policy.catch_up),
        ("start_deadline_s", policy.start_deadline),
        ("jitter_s", policy.jitter),
    ):
        if value is not None and not timedelta(0) <= value <= _YEAR:
            raise InvalidInput(field, "Choose between 0 seconds and 366 days.")
    if policy.start_deadline is not None and policy.start_deadline < timedelta(seconds=1):
        raise InvalidInput("start_deadline_s", "Give a run at least 1 second to start, or leave it empty.")
    _check_counts(policy)
    if policy.starts_at is not None and policy.ends_at is not None and policy.ends_at < policy.starts_at:
        raise InvalidInput("ends_at", "The job would end before it starts. Choose a later end.")
    checked_retry_rule(policy.retry)
    if set(policy.include) & set(policy.exclude):
        raise InvalidInput("exclude", "A calendar is both included and excluded. Remove it from one of them.")
    return policy


def _check_counts(policy: Policy) -> None:
    for field, count, most in (
        ("max_concurrent", policy.max_concurrent, 1_000),
        ("max_runs", policy.max_runs, 1_000_000_000),
        ("starts_per_minute", policy.starts_per_minute, MOST_PER_MINUTE),
        ("keep_days", policy.keep_days, MOST_DAYS),
        ("keep_runs", policy.keep_runs, MOST_RUNS),
    ):
        if count is not None and not 1 <= count <= most:
            raise InvalidInput(field, f"Choose between 1 and {most:,}, or leave it empty.")
    if policy.keep_bytes is not None and not LEAST_BYTES <= policy.keep_bytes <= MOST_BYTES:
        raise InvalidInput("keep_bytes", "Choose between 1 MB and 1,000,000,000 MB, or leave it empty.")


def policy_to_json(policy: Policy) -> dict[str, object]:
    """Return the policy as plain values; `policy_from_json` reads them back to an equal one."""
    return {
        "on_missed": str(policy.on_missed),
        "catch_up_s": _seconds(policy.catch_up),
        "max_concurrent": policy.max_concurrent,
        "start_deadline_s": _seconds(policy.start_deadline),
        "jitter_s": _seconds(policy.jitter),
        "starts_at": _text(policy.starts_at),
        "ends_at": _text(policy.ends_at),
        "max_runs": policy.max_runs,
        "include": [str(one) for one in policy.include],
        "exclude": [str(one) for one in policy.exclude],
        "on_excluded": str(policy.on_excluded),
        "starts_per_minute": policy.starts_per_minute,
        # Only where somebody chose it: a service of an older version knows no such rule.
        **({} if policy.keep_days is None else {"keep_days": policy.keep_days}),
        **({} if policy.keep_runs is None else {"keep_runs": policy.keep_runs}),
        **({} if policy.keep_bytes is None else {"keep_bytes": policy.keep_bytes}),
        **_retry_to_json(policy.retry),
    }


def policy_from_json(value: Mapping[str, Any]) -> Policy:
    """Return the policy that these plain values say; what is left out has its default.

    Raises:
        InvalidInput: with the field and what to do.
    """
    if value == _DEFAULT_JSON:
        return DEFAULT_POLICY
    unknown = set(value) - set(_DEFAULT_JSON) - {"keep_days", "keep_runs", "keep_bytes"}
    if unknown:
        raise InvalidInput("policy", f"A policy has no {min(unknown)!r}. Remove it.")
    jitter = _duration("jitter_s", value.get("jitter_s"))
    return checked_policy(
        Policy(
            on_missed=_choice("on_missed", value.get("on_missed"), OnMissed.LATEST),
            catch_up=_duration("catch_up_s", value.get("catch_up_s")),
            max_concurrent=_count("max_concurrent", value.get("max_concurrent")),
            start_deadline=_duration("start_deadline_s", value.get("start_deadline_s")),
            jitter=timedelta(0) if jitter is None else jitter,
            starts_at=_instant("starts_at", value.get("starts_at")),
            ends_at=_instant("ends_at", value.get("ends_at")),
            max_runs=_count("max_runs", value.get("max_runs")),
            include=_ids("include", value.get("include")),
            exclude=_ids("exclude", value.get("exclude")),
            on_excluded=_choice("on_excluded", value.get("on_excluded"), OnExcluded.SKIP),
            starts_per_minute=_else(
                _count("starts_per_minute", value.get("starts_per_minute")), USUAL_PER_MINUTE
            ),
            keep_days=_count("keep_days", value.get("keep_days")),
            keep_runs=_count("keep_runs", value.get("keep_runs")),
            keep_bytes=_count("keep_bytes", value.get("keep_bytes")),
            retry=_retry_from_json(value),
        )
    )


def _retry_to_json(rule: RetryRule) -> dict[str, object]:
    return {
        "retries": rule.retries,
        "retry_delay_s": _seconds(rule.delay),
        "retry_factor": rule.factor,
        "retry_longest_delay_s": _seconds(rule.longest_delay),
        "retry_jitter": rule.jitter,
        "retry_exit_codes": list(rule.exit_codes),
        "retry_timeouts": rule.timeouts,
    }


def _retry_from_json(value: Mapping[str, Any]) -> RetryRule:
    usual = NO_RETRIES
    return RetryRule(
        retries=_else(_count("retries", value.get("retries")), usual.retries),
        delay=_else(_duration("retry_delay_s", value.get("retry_delay_s")), usual.delay),
        factor=_else(_number("retry_factor", value.get("retry_factor")), usual.factor),
        longest_delay=_else(
            _duration("retry_longest_delay_s", value.get("retry_longest_delay_s")), usual.longest_delay
        ),
        jitter=_else(_number("retry_jitter", value.get("retry_jitter")), usual.jitter),
        exit_codes=_else(_codes("retry_exit_codes", value.get("retry_exit_codes")), usual.exit_codes),
        timeouts=_else(_yes_or_no("retry_timeouts", value.get("retry_timeouts")), usual.timeouts),
    )


def _else(value: Value | None, default: Value) -> Value:
    return default if value is None else value


def _seconds(value: timedelta | None) -> int | None:
    return None if value is None else int(value.total_seconds())


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _choice(field: str, value: object, default: Choice) -> Choice:
    if value is None:
        return default
    try:
        return type(default)(str(value))
    except ValueError:
        raise InvalidInput(field, f"Choose one of {', '.join(type(default))}.") from None


def _count(field: str, value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput(field, "Give a whole number, or leave it empty.")
    return value


def _number(field: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(field, "Give a number, such as 1.5.")
    return float(value)


def _yes_or_no(field: str, value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise InvalidInput(field, "Say true or false.")


def _codes(field: str, value: object) -> tuple[int, ...] | None:
    if value is None:
        return None
    if isinstance(value, list | tuple) and all(type(one) is int for one in value):
        return tuple(sorted(set(value)))
    raise InvalidInput(
        field, "Give a list of exit codes, such as 1 and 75; an empty one means every failure."
    )


def _duration(field: str, value: object) -> timedelta | None:
    seconds = _count(field, value)
    try:
        return None if seconds is None else timedelta(seconds=seconds)
    except OverflowError:
        raise InvalidInput(field, "Choose between 0 seconds and 366 days.") from None


def _instant(field: str, value: object) -> datetime | None:
    if value is None:
        return None
    problem = InvalidInput(
        field, "Give an instant in ISO 8601 with its offset, such as 2026-12-01T09:00+08:00."
    )
    try:
        instant = datetime.fromisoformat(str(value))
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise problem from None
    raise problem


def _ids(field: str, value: object) -> tuple[CalendarId, ...]:
    problem = InvalidInput(field, "Give a list of calendars' ids.")
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise problem
    try:
        return tuple(CalendarId(UUID(str(one))) for one in value)
    except ValueError:
        raise problem from None


_DEFAULT_JSON = policy_to_json(DEFAULT_POLICY)
