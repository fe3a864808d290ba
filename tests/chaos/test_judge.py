"""The judge must be able to say no: each rule about endings is broken once, in a small ledger."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from shared.db.tables import AttemptRow, ChainArrivalRow, ChainEdgeRow, RequestRow, RunRow
from shared.domain.run import Cause, Reason, RunState
from tests.chaos.endings import violations
from tests.chaos.evidence import Evidence, Line
from tests.chaos.load import JOBS
from tests.chaos.people import Wishes

INSTANT = datetime(2030, 1, 1, tzinfo=UTC)
LOADS = {UUID(int=number): load for number, load in enumerate(JOBS, 1)}
JOB_IDS = {load.name: job_id for job_id, load in LOADS.items()}
RETRIED, GIVEN_UP, WAITED, STOPPED, FOLLOWED = (UUID(int=number) for number in range(100, 105))
F, S, C = RunState.FAILED, RunState.SUCCEEDED, RunState.CANCELLED


def a_run(run_id: UUID, job: str, state: RunState, attempt: int, **more: Any) -> RunRow:
    usual = {"detail": "", "cause": Cause.SCHEDULE, "nominal_at": INSTANT}
    return RunRow(id=run_id, job_id=JOB_IDS[job], state=state, attempt=attempt, **{**usual, **more})


def attempts_of(run: RunRow, *ends: tuple[RunState, int | None], **last: Any) -> list[AttemptRow]:
    rows = [
        AttemptRow(run_id=run.id, job_id=run.job_id, number=number, state=state, exit_code=code)
        for number, (state, code) in enumerate(ends, 1)
    ]
    for name, value in last.items():
        setattr(rows[-1], name, value)
    return rows


def the_evidence() -> Evidence:
    """Return a ledger in which everything is as it should be."""
    retried = a_run(RETRIED, "succeeds-later", S, 3)
    given_up = a_run(GIVEN_UP, "gives-up", F, 2, detail="Not tried again: its job tries again only on 75.")
    waited = a_run(WAITED, "unwanted-queue", C, 1, reason=Reason.REQUESTED)
    stopped = a_run(STOPPED, "unwanted", C, 1, reason=Reason.REQUESTED)
    followed = a_run(FOLLOWED, "follows", S, 1, cause=Cause.CHAIN)
    return Evidence(
        promises=(),
        loads=LOADS,
        runs=[retried, given_up, waited, stopped, followed],
        attempts=[
            *attempts_of(retried, (F, 75), (F, 75), (S, 0)),
            *attempts_of(given_up, (F, 75), (F, 1)),
            *attempts_of(waited, (C, None)),
            *attempts_of(stopped, (C, None), cancel_requested_at=INSTANT),
            *attempts_of(followed, (S, 0)),
        ],
        chunks={},
        lines=[Line("start", STOPPED, 1, 7, 0)],
        requests=[
            RequestRow(kind="cancel", run_id=WAITED, job_id=waited.job_id, outcome="cancelled"),
            RequestRow(kind="cancel", run_id=STOPPED, job_id=stopped.job_id, outcome="was asked to stop it"),
        ],
        wishes=Wishes(unwanted={WAITED, STOPPED}, cancelled={WAITED, STOPPED}),
        edges=[
            ChainEdgeRow(job_id=followed.job_id, upstream_id=stopped.job_id, created_at=INSTANT),
        ],
        arrivals=[ChainArrivalRow(upstream_run_id=STOPPED, job_id=followed.job_id, run_id=FOLLOWED)],
    )


def run(evidence: Evidence, run_id: UUID) -> RunRow:
    return next(row for row in evidence.runs if row.id == run_id)


def attempt(evidence: Evidence, run_id: UUID, number: int) -> AttemptRow:
    return next(row for row in evidence.attempts if (row.run_id, row.number) == (run_id, number))


def with_one_attempt_less(evidence: Evidence) -> None:
    evidence.attempts.remove(attempt(evidence, RETRIED, 3))
    run(evidence, RETRIED).state, run(evidence, RETRIED).attempt = F, 2


def with_one_attempt_more(evidence: Evidence) -> None:
    evidence.attempts.append(AttemptRow(run_id=GIVEN_UP, job_id=JOB_IDS["gives-up"], number=3, state=F))
    run(evidence, GIVEN_UP).attempt = 3


def with_a_gap(evidence: Evidence) -> None:
    evidence.attempts.remove(attempt(evidence, RETRIED, 2))


def with_another_code(evidence: Evidence) -> None:
    attempt(evidence, RETRIED, 3).exit_code = 75


def with_a_success_beyond_its_limit(evidence: Evidence) -> None:
    evidence.runs.append(a_run(UUID(int=9), "too-slow", S, 1))
    evidence.attempts.extend(attempts_of(evidence.runs[-1], (S, 0)))


def with_a_forgotten_cancel(evidence: Evidence) -> None:
    evidence.wishes.cancelled.add(RETRIED)


def with_a_cancel_that_nobody_wanted(evidence: Evidence) -> None:
    evidence.wishes.unwanted.clear()


def with_a_start_after_the_cancel(evidence: Evidence) -> None:
    evidence.lines.append(Line("start", WAITED, 1, 8, 0))


def with_an_attempt_after_the_cancel(evidence: Evidence) -> None:
    evidence.attempts.append(AttemptRow(run_id=STOPPED, job_id=JOB_IDS["unwanted"], number=2, state=C))
    evidence.lines.append(Line("start", STOPPED, 2, 9, 0))


def with_an_end_that_was_not_told(evidence: Evidence) -> None:
    evidence.arrivals.clear()


def with_a_run_of_two_ends(evidence: Evidence) -> None:
    evidence.arrivals.append(
        ChainArrivalRow(upstream_run_id=WAITED, job_id=JOB_IDS["follows"], run_id=FOLLOWED)
    )


def with_a_run_of_no_end(evidence: Evidence) -> None:
    evidence.runs.append(a_run(UUID(int=8), "follows", C, 0, cause=Cause.CHAIN, reason=Reason.PAUSED))


def with_a_run_that_never_was(evidence: Evidence) -> None:
    evidence.arrivals[0].run_id = UUID(int=7)


def with_a_skipped_run_that_was_followed(evidence: Evidence) -> None:
    run(evidence, STOPPED).state = RunState.SKIPPED


def test_nothing_is_said_of_what_is_right() -> None:
    assert list(violations(the_evidence())) == []


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (with_one_attempt_less, "though more were left"),
        (with_one_attempt_more, "attempt 3 follows one that is failed with 1"),
        (with_a_gap, "it has the attempts [1, 3]"),
        (with_another_code, "its script exits with 0"),
        (with_a_success_beyond_its_limit, "longer than its time limit"),
        (with_a_forgotten_cancel, "is written nowhere"),
        (with_a_cancel_that_nobody_wanted, "which nobody asked for"),
        (with_a_start_after_the_cancel, "which waited"),
        (with_an_attempt_after_the_cancel, "another started after it"),
        (with_an_end_that_was_not_told, "and nothing follows"),
        (with_a_run_of_two_ends, "2 ends started run"),
        (with_a_run_of_no_end, "was started by no end"),
        (with_a_run_that_never_was, "is in no row"),
        (with_a_skipped_run_that_was_followed, "and was followed"),
    ],
)
def test_a_broken_rule_is_told(broken: Callable[[Any], None], said: str) -> None:
    evidence = the_evidence()
    broken(evidence)

    found = list(violations(evidence))

    assert any(said in violation for violation in found), found
