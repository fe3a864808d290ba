"""When a run is tried again: the rule as a table, and what holds of every rule."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidInput
from shared.domain.ids import RunId
from shared.domain.policy import DEFAULT_POLICY, Policy, policy_from_json, policy_to_json
from shared.domain.retry import (
    MAX_DELAY,
    MOST_AFTER_LOSS,
    NO_RETRIES,
    EndedAttempt,
    Enough,
    RetryRule,
    TryAgain,
    after_attempt,
    checked_retry_rule,
    tries,
)
from shared.domain.run import RunState

END = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RUN = RunId(UUID(int=7))
RULE = RetryRule(retries=3, delay=timedelta(seconds=10), factor=2, longest_delay=timedelta(seconds=30))
LATER = timedelta(seconds=10)

rules = st.builds(
    RetryRule,
    retries=st.integers(0, 100),
    delay=st.timedeltas(timedelta(0), timedelta(hours=1)),
    factor=st.floats(1, 10),
    longest_delay=st.timedeltas(timedelta(hours=1), MAX_DELAY),
    jitter=st.floats(0, 1),
    exit_codes=st.sets(st.integers(1, 255), max_size=3).map(lambda codes: tuple(sorted(codes))),
    timeouts=st.booleans(),
)


def ended(state: RunState = RunState.FAILED, number: int = 1, exit_code: int | None = 1) -> EndedAttempt:
    return EndedAttempt(run_id=RUN, number=number, state=state, exit_code=exit_code, ended_at=END)


@pytest.mark.parametrize(
    ("rule", "attempt", "runs_after_loss", "decision"),
    [
        (NO_RETRIES, ended(), False, Enough()),
        (RULE, ended(RunState.SUCCEEDED, exit_code=0), True, Enough()),
        (RULE, ended(RunState.CANCELLED, exit_code=None), True, Enough()),
        (RULE, ended(), False, TryAgain(END + LATER)),
        (RULE, ended(number=2), False, TryAgain(END + 2 * LATER)),
        (RULE, ended(number=3), False, TryAgain(END + 3 * LATER)),
        (RULE, ended(number=4), False, Enough("that was attempt 4 of 4")),
        (RULE, ended(exit_code=None), False, TryAgain(END + LATER)),
        (RULE, ended(RunState.TIMED_OUT, exit_code=None), False, TryAgain(END + LATER)),
        (
            replace(RULE, timeouts=False),
            ended(RunState.TIMED_OUT, exit_code=None),
            False,
            Enough("its job does not try again after a timeout"),
        ),
        (replace(RULE, exit_codes=(75,)), ended(exit_code=75), False, TryAgain(END + LATER)),
        (
            replace(RULE, exit_codes=(75,)),
            ended(exit_code=1),
            False,
            Enough("its job tries again only on exit code 75"),
        ),
        (
            replace(RULE, exit_codes=(1, 2, 75)),
            ended(exit_code=None),
            False,
            Enough("its job tries again only on exit codes 1, 2 and 75"),
        ),
        (
            replace(RULE, exit_codes=(75,)),
            ended(RunState.TIMED_OUT, exit_code=None),
            False,
            TryAgain(END + LATER),
        ),
        (RULE, ended(RunState.LOST, exit_code=None), False, Enough()),
        (RULE, ended(RunState.LOST, exit_code=None), True, TryAgain(END)),
        (NO_RETRIES, ended(RunState.LOST, number=4, exit_code=None), True, TryAgain(END)),
        (
            NO_RETRIES,
            ended(RunState.LOST, number=5, exit_code=None),
            True,
            Enough("that was attempt 5 of 5"),
        ),
        (replace(RULE, retries=9), ended(RunState.LOST, number=9, exit_code=None), True, TryAgain(END)),
        (
            replace(RULE, retries=9),
            ended(RunState.LOST, number=10, exit_code=None),
            True,
            Enough("that was attempt 10 of 10"),
        ),
    ],
)
def test_the_rule_decides(
    rule: RetryRule, attempt: EndedAttempt, runs_after_loss: bool, decision: object
) -> None:
    assert after_attempt(rule, attempt, runs_after_loss=runs_after_loss) == decision


@given(rule=rules, number=st.integers(2, 101))
def test_a_delay_is_no_shorter_than_the_one_before_and_its_jitter_only_adds(
    rule: RetryRule, number: int
) -> None:
    plain, following = rule.plain_delay(number), rule.plain_delay(number + 1)
    delay = rule.delay_before(RUN, number)

    assert rule.delay <= plain <= following <= rule.longest_delay
    assert plain <= delay <= plain * (1 + rule.jitter)
    assert delay == rule.delay_before(RUN, number)


def test_jitter_tells_runs_and_attempts_apart() -> None:
    rule = replace(RULE, factor=1, longest_delay=LATER, jitter=1.0)

    delays = {rule.delay_before(RunId(UUID(int=run)), number) for run in range(20) for number in range(2, 12)}

    assert len(delays) == 200


@given(rule=rules, state=st.sampled_from(RunState), number=st.integers(1, 200), runs_after_loss=st.booleans())
def test_every_run_comes_to_an_end(
    rule: RetryRule, state: RunState, number: int, runs_after_loss: bool
) -> None:
    decision = after_attempt(rule, ended(state, number), runs_after_loss=runs_after_loss)

    if isinstance(decision, TryAgain):
        assert number < max(1 + rule.retries, MOST_AFTER_LOSS)
        assert decision.at >= END


def test_how_many_tries_there_are_follows_the_rule_until_losses_have_taken_more() -> None:
    assert [tries(RULE, number) for number in (1, 4)] == [4, 4]
    assert [tries(NO_RETRIES, number) for number in (1, 2, 5)] == [1, 5, 5]


@given(rule=rules)
def test_a_rule_survives_its_plain_values(rule: RetryRule) -> None:
    whole = replace(
        rule,
        delay=timedelta(seconds=rule.delay // timedelta(seconds=1)),
        longest_delay=timedelta(seconds=rule.longest_delay // timedelta(seconds=1)),
    )

    assert policy_from_json(policy_to_json(Policy(retry=whole))) == Policy(retry=whole)


def test_a_policy_of_before_has_no_retries() -> None:
    before = {name: value for name, value in policy_to_json(DEFAULT_POLICY).items() if "retr" not in name}

    assert policy_from_json(before) == DEFAULT_POLICY
    assert policy_from_json({}).retry == NO_RETRIES


@pytest.mark.parametrize(
    ("values", "field", "says"),
    [
        ({"retries": -1}, "retries", "between 0 and 100"),
        ({"retries": 101}, "retries", "between 0 and 100"),
        ({"retries": "3"}, "retries", "whole number"),
        ({"retry_delay_s": -1}, "retry_delay_s", "between 0 seconds and 7 days"),
        ({"retry_longest_delay_s": 604_801}, "retry_longest_delay_s", "between 0 seconds and 7 days"),
        (
            {"retry_delay_s": 60, "retry_longest_delay_s": 59},
            "retry_longest_delay_s",
            "shorter than the first",
        ),
        ({"retry_factor": 0.99}, "retry_factor", "between 1 and 10"),
        ({"retry_factor": 10.5}, "retry_factor", "between 1 and 10"),
        ({"retry_factor": float("nan")}, "retry_factor", "between 1 and 10"),
        ({"retry_factor": "two"}, "retry_factor", "a number"),
        ({"retry_factor": True}, "retry_factor", "a number"),
        ({"retry_jitter": 1.01}, "retry_jitter", "between 0 and 1"),
        ({"retry_exit_codes": [0]}, "retry_exit_codes", "0 is no exit code of a failure"),
        ({"retry_exit_codes": [256]}, "retry_exit_codes", "256 is no exit code"),
        ({"retry_exit_codes": [True]}, "retry_exit_codes", "list of exit codes"),
        ({"retry_exit_codes": "75"}, "retry_exit_codes", "list of exit codes"),
        ({"retry_exit_codes": list(range(1, 52))}, "retry_exit_codes", "at most 50"),
        ({"retry_timeouts": "yes"}, "retry_timeouts", "true or false"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused_at_its_field(
    values: dict[str, object], field: str, says: str
) -> None:
    with pytest.raises(InvalidInput, match=says) as refused:
        policy_from_json(values)

    assert refused.value.field == field


@pytest.mark.parametrize(
    "rule",
    [
        replace(RULE, retries=100, factor=10, jitter=1.0, exit_codes=tuple(range(1, 51))),
        replace(RULE, delay=MAX_DELAY, longest_delay=MAX_DELAY, factor=1, exit_codes=(1, 255)),
    ],
)
def test_the_widest_rules_are_kept(rule: RetryRule) -> None:
    assert checked_retry_rule(rule) == rule
