"""How often each run was tried, against the rule of its job: no try too many, none too few."""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from shared.domain.job import OnLost
from tests.simulation.people import Person

_LOSSES = 5
_EXCUSES = (
    "the job is paused",
    "the job is deleted",
    "somebody asked for its end",
    "a newer run takes its place",
    "it had been taken for lost",
)
_STATEMENT = """
SELECT runs.job_id, runs.number, runs.nominal_at, runs.state, runs.detail, runs.attempt,
       attempts.number, attempts.state, attempts.reason, attempts.exit_code
FROM attempts JOIN runs ON runs.id = attempts.run_id ORDER BY runs.id, attempts.number
"""


class _Try(NamedTuple):
    job: str
    run: int
    nominal_at: str
    run_state: str
    run_detail: str
    run_attempt: int
    number: int
    state: str
    reason: str | None
    exit_code: int | None


def tries_problems(connection: sqlite3.Connection, people: Sequence[Person]) -> Iterator[str]:
    """Yield a sentence about every run whose attempts are not those that its job's rule has."""
    jobs = {job.id.hex: job for job in people}
    rows = map(_Try._make, connection.execute(_STATEMENT))
    for _, group in groupby(rows, key=lambda one: (one.job, one.run)):
        tries = list(group)
        job = jobs[tries[0].job]
        instant = f"{tries[0].nominal_at[:19].replace(' ', 'T')}Z"
        for problem in _problems(job, tries):
            yield f"job {job.definition.name!r}, run #{tries[0].run} at {instant}: {problem}"


def _problems(job: Person, tries: Sequence[_Try]) -> Iterator[str]:
    if [one.number for one in tries] != list(range(1, len(tries) + 1)):
        yield f"its attempts are {[one.number for one in tries]}"
    for one in tries[:-1]:
        if not _may_follow(job, one):
            yield f"attempt {one.number} ended {one.state} ({one.exit_code}) and was followed by another"
    last = tries[-1]
    is_end = last.state == last.run_state and last.number == last.run_attempt
    if is_end and _must_follow(job, last) and not any(excuse in last.run_detail for excuse in _EXCUSES):
        yield f"attempt {last.number} ended {last.state} ({last.exit_code}) and none followed"


def _may_follow(job: Person, one: _Try) -> bool:
    # What was lost may have been corrected by a late report after the next attempt was queued.
    was_lost = one.state == "lost" or one.reason == "late"
    return _must_follow(job, one) or (was_lost and _follows_loss(job, one.number))


def _must_follow(job: Person, one: _Try) -> bool:
    rule = job.definition.policy.retry
    match one.state:
        case "failed":
            counts = not rule.exit_codes or one.exit_code in rule.exit_codes
        case "timed_out":
            counts = rule.timeouts
        case "lost":
            return _follows_loss(job, one.number)
        case _:
            counts = False
    return counts and one.number <= rule.retries


def _follows_loss(job: Person, number: int) -> bool:
    most = max(1 + job.definition.policy.retry.retries, _LOSSES)
    return job.definition.on_lost is OnLost.RETRY and number < most
