"""Judges how runs ended: by their own exit codes, tried again or not, cancelled by whom."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise
from uuid import UUID

from shared.db.tables import AttemptRow, RunRow
from shared.domain.retry import MOST_AFTER_LOSS
from shared.domain.run import Cause, Reason, RunState
from tests.chaos.evidence import Evidence
from tests.chaos.load import Load

CANCEL, CANCEL_WAITING = "cancel", "cancel_waiting"
_BY_ITSELF = frozenset({RunState.SUCCEEDED, RunState.FAILED})
_NOT_BY_THE_RULE = "Not tried again: "
_GROUNDS = ("the job is paused", "had been taken for lost", "somebody asked for its end")
"""Why a run may not be tried again though its rule has attempts left."""


def violations(evidence: Evidence) -> Iterator[str]:
    """Yield every ending that is not as its job's rules or the people wanted it."""
    attempts: defaultdict[UUID, list[AttemptRow]] = defaultdict(list)
    for one in sorted(evidence.attempts, key=lambda row: row.number):
        attempts[one.run_id].append(one)
    for run in evidence.runs:
        load = evidence.loads[run.job_id]
        what = f"run {run.id} of {load.name}"
        for fault in (*_ended(load, attempts[run.id]), *_tried(load, run, attempts[run.id])):
            yield f"retry  {what}: {fault}"
    yield from (f"cancel {fault}" for fault in _cancelled(evidence, attempts))
    yield from (f"chain  {fault}" for fault in _chained(evidence))


def _ended(load: Load, attempts: list[AttemptRow]) -> Iterator[str]:
    for one in attempts:
        code, wanted = one.exit_code, load.code_of(one.number)
        state = RunState.FAILED if wanted else RunState.SUCCEEDED
        if one.state in _BY_ITSELF and code is not None and (code, one.state) != (wanted, state):
            yield f"attempt {one.number} is {one.state} with {code}, its script exits with {wanted}"
        if one.state is RunState.SUCCEEDED and load.seconds > load.timeout_s + 2:
            yield f"attempt {one.number} succeeded, though it takes longer than its time limit"


def _tried(load: Load, run: RunRow, attempts: list[AttemptRow]) -> Iterator[str]:
    most = 1 + load.retries
    if load.on_lost == "retry":
        most = max(most, MOST_AFTER_LOSS)
    if [one.number for one in attempts] != list(range(1, len(attempts) + 1)) or len(attempts) > most:
        yield f"it has the attempts {[one.number for one in attempts]}, and may have {most}"
    for one, following in pairwise(attempts):
        if following.state is not RunState.CANCELLED and not _may_be_followed(load, one):
            yield f"attempt {following.number} follows one that is {one.state} with {one.exit_code}"
    if attempts and run.attempt == attempts[-1].number and _has_more(load, run, attempts[-1]):
        yield f"it is {run.state} after attempt {run.attempt}, though more were left: {run.detail!r}"


def _may_be_followed(load: Load, one: AttemptRow) -> bool:
    """Say whether another attempt may stand after this one."""
    if one.state is RunState.LOST or one.reason is Reason.LATE:
        return load.on_lost == "retry"
    if one.state is RunState.FAILED and one.exit_code is not None:
        return load.is_tried_again(one.number)
    # By a signal or a full disk: no exit code forbids it.
    return one.state in {RunState.FAILED, RunState.TIMED_OUT} and one.number <= load.retries


def _has_more(load: Load, run: RunRow, last: AttemptRow) -> bool:
    """Say whether the run ended before its rule was used up, and does not say for which good reason."""
    _, _, why = run.detail.rpartition(_NOT_BY_THE_RULE)
    if any(ground in why for ground in _GROUNDS):
        return False
    if last.state is RunState.LOST:
        return load.on_lost == "retry" and last.number < MOST_AFTER_LOSS and last.on_lost != "fail"
    if last.state is RunState.TIMED_OUT:
        return last.number <= load.retries
    return last.state is RunState.FAILED and last.exit_code is not None and load.is_tried_again(last.number)


def _cancelled(evidence: Evidence, attempts: Mapping[UUID, list[AttemptRow]]) -> Iterator[str]:
    wishes = evidence.wishes
    written = {one.run_id for one in evidence.requests if one.kind == CANCEL}
    emptied = {one.job_id for one in evidence.requests if one.kind == CANCEL_WAITING}
    for run_id in wishes.cancelled - written:
        yield f"of run {run_id} was promised, and is written nowhere"
    for run in evidence.runs:
        is_wished = run.id in wishes.unwanted or run.job_id in emptied
        if run.state is RunState.CANCELLED and run.reason is Reason.REQUESTED and not is_wished:
            yield f"of run {run.id}, which nobody asked for"
    yield from _started_all_the_same(evidence, attempts)


def _started_all_the_same(evidence: Evidence, attempts: Mapping[UUID, list[AttemptRow]]) -> Iterator[str]:
    started = {(line.run_id, line.attempt) for line in evidence.lines if line.word == "start"}
    done = {one.run_id for one in evidence.requests if one.kind == CANCEL and one.outcome == "cancelled"}
    for run in evidence.runs:
        if run.id in done and (run.state is not RunState.CANCELLED or (run.id, run.attempt) in started):
            yield f"of run {run.id}, which waited: it is {run.state}, attempt {run.attempt}"
    for one in evidence.attempts:
        later = {(one.run_id, other.number) for other in attempts[one.run_id] if other.number > one.number}
        if one.cancel_requested_at is not None and later & started:
            yield f"of attempt {one.number} of run {one.run_id}: another started after it all the same"


def _chained(evidence: Evidence) -> Iterator[str]:
    """Hold the ends of runs against what followed: each that counts started one run, and no other did."""
    told = {(one.upstream_run_id, one.job_id): one for one in evidence.arrivals}
    started = {line.run_id for line in evidence.lines if line.word == "start"}
    for edge in evidence.edges:
        for run in evidence.runs:
            is_told = (run.id, edge.job_id) in told
            if run.job_id != edge.upstream_id or run.nominal_at < edge.created_at:
                continue
            if run.id in started and not is_told:
                yield f"run {run.id} of {evidence.loads[run.job_id].name} is {run.state}, and nothing follows"
            elif is_told and run.state in (RunState.SKIPPED, RunState.MISSED):
                yield f"run {run.id} of {evidence.loads[run.job_id].name} is {run.state}, and was followed"
    followers = Counter(one.run_id for one in evidence.arrivals)
    made = {run.id for run in evidence.runs if run.cause is Cause.CHAIN}
    yield from (f"{count} ends started run {run_id}" for run_id, count in followers.items() if count > 1)
    yield from (f"run {run_id} of a chain is in no row" for run_id in followers.keys() - made)
    yield from (f"run {run_id} was started by no end" for run_id in made - followers.keys())
