"""Whether a run is tried again after an attempt that did not succeed, and when: pure.

Tries are counted once, whatever ended the one before: a run has its first attempt and as many more as its
job's rule has `retries`. What a loss adds is in `on_lost` alone: a job that may run again after one does so
at once, for the script is not to blame, and up to `MOST_AFTER_LOSS` attempts where its rule has fewer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TypeAlias

from shared.domain.errors import InvalidInput
from shared.domain.ids import RunId
from shared.domain.run import RunState

MAX_RETRIES = 100
MAX_DELAY = timedelta(days=7)
MAX_FACTOR = 10.0
MAX_EXIT_CODES = 50
_LAST_EXIT_CODE = 255
MOST_AFTER_LOSS = 5
"""A script that takes its executor down with it must not do so for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRule:
    """How often and when a job's run is tried again; check it with `checked_retry_rule`."""

    retries: int = 0
    """So many attempts after the first."""
    delay: timedelta = timedelta(seconds=10)
    """From the end of the first attempt to the second."""
    factor: float = 2.0
    """Each further delay is so many times the one before,"""
    longest_delay: timedelta = timedelta(hours=1)
    """but not longer than this."""
    jitter: float = 0.0
    """Each delay is longer by up to this share of it, the same for one attempt whoever asks."""
    exit_codes: tuple[int, ...] = ()
    """Only these are tried again; none named: every failure is."""
    timeouts: bool = True
    """Whether an attempt that was stopped at its timeout is tried again."""

    def delay_before(self, run_id: RunId, number: int) -> timedelta:
        """Return how long attempt `number`, 2 or more, of this run waits after the one before."""
        return self.plain_delay(number) * (1 + self.jitter * _share(run_id, number))

    def plain_delay(self, number: int) -> timedelta:
        """Return it without jitter."""
        # In seconds and compared first: a factor of 10 leaves the range of any clock after a dozen times.
        longest_s = self.longest_delay.total_seconds()
        wanted_s = self.delay.total_seconds() * self.factor ** (number - 2)
        return timedelta(seconds=min(wanted_s, longest_s))


NO_RETRIES = RetryRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedAttempt:
    """What decides whether there is another one."""

    run_id: RunId
    number: int
    state: RunState
    exit_code: int | None
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class TryAgain:
    """The next attempt is due at this instant."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Enough:
    """There is no next attempt, and why; empty where nobody would ask."""

    why: str = ""


Decision: TypeAlias = TryAgain | Enough


def after_attempt(rule: RetryRule, ended: EndedAttempt, *, runs_after_loss: bool) -> Decision:
    """Return when the next attempt is due, or why there is none; `runs_after_loss` is the job's `on_lost`."""
    match ended.state:
        case RunState.LOST if runs_after_loss:
            most = max(tries(rule, ended.number), MOST_AFTER_LOSS)
            return TryAgain(ended.ended_at) if ended.number < most else _used_up(most)
        case RunState.FAILED | RunState.TIMED_OUT if rule.retries:
            return _after_failure(rule, ended)
        case _:
            return Enough()


def tries(rule: RetryRule, number: int) -> int:
    """Return how many attempts a run may have in all, for one that has reached attempt `number`."""
    most = 1 + rule.retries
    return most if number <= most else max(most, MOST_AFTER_LOSS)


def checked_retry_rule(rule: RetryRule) -> RetryRule:
    """Return the rule if it can be kept.

    Raises:
        InvalidInput: with the field and what to do.
    """
    if not 0 <= rule.retries <= MAX_RETRIES:
        raise InvalidInput("retries", f"Choose between 0 and {MAX_RETRIES}.")
    if not timedelta(0) <= rule.delay <= MAX_DELAY:
        raise InvalidInput("retry_delay_s", "Choose between 0 seconds and 7 days.")
    if not timedelta(0) <= rule.longest_delay <= MAX_DELAY:
        raise InvalidInput("retry_longest_delay_s", "Choose between 0 seconds and 7 days.")
    if rule.longest_delay < rule.delay:
        raise InvalidInput(
            "retry_longest_delay_s", "The longest delay is shorter than the first one. Choose a longer one."
        )
    if not 1 <= rule.factor <= MAX_FACTOR:
        raise InvalidInput(
            "retry_factor", f"Choose between 1 and {MAX_FACTOR:g}; 1 keeps the delay the same."
        )
    if not 0 <= rule.jitter <= 1:
        raise InvalidInput(
            "retry_jitter", "Choose between 0 and 1, the share by which a delay may be longer."
        )
    _check_exit_codes(rule.exit_codes)
    return rule


def _check_exit_codes(codes: tuple[int, ...]) -> None:
    if len(codes) > MAX_EXIT_CODES:
        raise InvalidInput("retry_exit_codes", f"Name at most {MAX_EXIT_CODES} exit codes, or none for all.")
    wrong = next((code for code in codes if not 1 <= code <= _LAST_EXIT_CODE), None)
    if wrong is not None:
        raise InvalidInput(
            "retry_exit_codes", f"{wrong} is no exit code of a failure: these are 1 to 255. Remove it."
        )


def _after_failure(rule: RetryRule, ended: EndedAttempt) -> Decision:
    if ended.state is RunState.TIMED_OUT and not rule.timeouts:
        return Enough("its job does not try again after a timeout")
    if ended.state is RunState.FAILED and rule.exit_codes and ended.exit_code not in rule.exit_codes:
        return Enough("its job tries again only on " + codes_in_words(rule.exit_codes))
    if ended.number > rule.retries:
        return _used_up(ended.number)
    return TryAgain(ended.ended_at + rule.delay_before(ended.run_id, ended.number + 1))


def codes_in_words(codes: tuple[int, ...]) -> str:
    """Say exit codes for people, such as `exit codes 1 and 75`."""
    *some, last = map(str, codes)
    return f"exit codes {', '.join(some)} and {last}" if some else f"exit code {last}"


def _used_up(count: int) -> Enough:
    return Enough(f"that was attempt {count} of {count}")


def _share(run_id: RunId, number: int) -> float:
    """Return a number in [0, 1) that is the same for one attempt wherever it is asked for."""
    digest = blake2b(run_id.bytes + number.to_bytes(4), digest_size=7).digest()
    return int.from_bytes(digest) / (1 << 56)
