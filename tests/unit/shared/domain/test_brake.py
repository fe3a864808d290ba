"""The brake: how often is too often, and what counts."""

import pytest

from shared.domain.brake import MOST_PER_MINUTE, USUAL_PER_MINUTE, braked, is_counted
from shared.domain.errors import InvalidInput
from shared.domain.policy import Policy, checked_policy, policy_from_json, policy_to_json
from shared.domain.run import Cause


def test_a_job_may_start_as_often_as_its_brake_allows_over_five_minutes_and_not_once_more() -> None:
    assert braked(9, 2) is None
    assert braked(10, 2) == ("the job started 10 times within 5 minutes, and its brake allows 2 a minute")


def test_a_job_of_every_second_may_catch_up_and_retry() -> None:
    every_second, delayed_by_an_outage, again = 300, 160, 100

    assert braked(every_second + delayed_by_an_outage + again, USUAL_PER_MINUTE) is None


@pytest.mark.parametrize("cause", list(Cause))
def test_what_somebody_asks_for_run_by_run_does_not_count_but_its_retries_do(cause: Cause) -> None:
    by_itself = cause in (Cause.SCHEDULE, Cause.CHAIN, Cause.BACKFILL)

    assert is_counted(cause, 1) is by_itself
    assert is_counted(cause, 2)


def test_the_brake_is_part_of_the_policy_and_has_a_default() -> None:
    assert policy_from_json({}).starts_per_minute == USUAL_PER_MINUTE
    assert policy_from_json(policy_to_json(Policy(starts_per_minute=7))).starts_per_minute == 7


@pytest.mark.parametrize("wrong", [0, MOST_PER_MINUTE + 1, "many", True])
def test_a_brake_has_bounds(wrong: object) -> None:
    assert checked_policy(Policy(starts_per_minute=MOST_PER_MINUTE))
    with pytest.raises(InvalidInput) as caught:
        policy_from_json({"starts_per_minute": wrong})
    assert caught.value.field == "starts_per_minute"
