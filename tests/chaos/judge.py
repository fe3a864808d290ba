"""Compares what was promised, what the ledger says and what the scripts testified. Values in, words out."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from shared.db.tables import AttemptRow, RunRow
from shared.domain.run import RunState
from tests.chaos import endings
from tests.chaos.evidence import GOING, Evidence, Promise
from tests.chaos.scripts import printed

_MINUTE = timedelta(minutes=1)
_UNSTARTED = frozenset({RunState.SKIPPED, RunState.MISSED})
_BY_THE_SCRIPT = frozenset({RunState.SUCCEEDED, RunState.FAILED})


def violations(evidence: Evidence) -> list[str]:
    """Return every broken guarantee in words; none means that all held."""
    return [
        *(f"G1/G2 {fault}" for promise in evidence.promises for fault in _kept(promise, evidence)),
        *(f"G1 {fault}" for fault in _asked(evidence)),
        *(f"G3 {fault}" for fault in _once(evidence)),
        *(f"G4 {fault}" for fault in _alone(evidence)),
        *(f"G5 {fault}" for fault in _true(evidence)),
        *(f"G6 {fault}" for fault in _logged(evidence)),
        *endings.violations(evidence),
    ]


def expected(promise: Promise) -> list[datetime]:
    """Return the instants of a schedule, computed here, from its creation to its pause."""
    # With jitter an instant shortly before the pause is due after it, and withdrawn.
    until = promise.ends_at - timedelta(seconds=promise.load.policy.get("jitter_s", 0))
    if promise.anchor is None:
        at, every = promise.begins_at.replace(second=0, microsecond=0), _MINUTE
    else:
        at, every = promise.anchor, timedelta(seconds=promise.load.every_s)
    found = []
    while (at := at + every) <= until:
        if at > promise.begins_at:
            found.append(at)
    return found


def _kept(promise: Promise, evidence: Evidence) -> Iterator[str]:
    name = promise.load.name
    every = timedelta(seconds=promise.load.every_s) if promise.load.every_s else _MINUTE
    covered: Counter[datetime] = Counter()
    for run in evidence.runs:
        if run.schedule_id == promise.schedule_id:
            covered.update(run.nominal_at + every * n for n in range(run.instants))
            if run.instants > 1 and run.nominal_until != run.nominal_at + every * (run.instants - 1):
                yield f"{name}: a range of {run.instants} from {run.nominal_at} ends at {run.nominal_until}"
    wanted = expected(promise)
    promised = set(wanted)
    if missing := [at for at in wanted if at not in covered]:
        yield f"{name}: {len(missing)} of {len(wanted)} instants are in no row, first {missing[0]}"
    if doubled := [at for at, count in covered.items() if count > 1]:
        yield f"{name}: {len(doubled)} instants are in two rows, first {doubled[0]}"
    beyond = [at for at in covered if at <= promise.ends_at and at not in promised]
    if promise.load.policy.get("jitter_s", 0) == 0 and beyond:
        yield f"{name}: {len(beyond)} rows stand for instants that nobody promised, first {beyond[0]}"


def _asked(evidence: Evidence) -> Iterator[str]:
    for run_id in evidence.wishes.asked - {run.id for run in evidence.runs}:
        yield f"run {run_id} was asked for and is not in the ledger"
    for run in evidence.runs:
        if run.state in GOING:
            yield f"run {run.id} of {evidence.loads[run.job_id].name} is still {run.state}"


def _once(evidence: Evidence) -> Iterator[str]:
    starts = Counter((line.run_id, line.attempt) for line in evidence.lines if line.word == "start")
    for (run_id, attempt), count in starts.items():
        if count > 1:
            yield f"attempt {attempt} of run {run_id} started {count} times"


def _alone(evidence: Evidence) -> Iterator[str]:
    runs = {run.id: run for run in evidence.runs}
    for line in evidence.lines:
        if line.word == "together":
            yield f"attempt {line.attempt} of run {line.run_id} met another attempt of its run"
        elif line.word == "crowd":
            load = evidence.loads[runs[line.run_id].job_id]
            yield f"{load.name}: attempt {line.attempt} of run {line.run_id} met {load.places} other runs"


def _true(evidence: Evidence) -> Iterator[str]:
    """Hold what the ledger says against the witness, and its parts against each other."""
    attempts: defaultdict[UUID, list[AttemptRow]] = defaultdict(list)
    for attempt in evidence.attempts:
        attempts[attempt.run_id].append(attempt)
    words = {(line.run_id, line.attempt, line.word) for line in evidence.lines}
    known = {(one.run_id, one.number) for one in evidence.attempts if one.claimed_at is not None}
    for run_id, number, said in sorted(words):
        if said == "start" and (run_id, number) not in known:
            yield f"attempt {number} of run {run_id} started, and nobody claimed it"
    of_run: defaultdict[UUID, set[tuple[UUID, int, str]]] = defaultdict(set)
    for word in words:
        of_run[word[0]].add(word)
    for run in evidence.runs:
        yield from _agrees(run, attempts[run.id], of_run[run.id])


def _agrees(run: RunRow, attempts: list[AttemptRow], words: set[tuple[UUID, int, str]]) -> Iterator[str]:
    if run.state in _UNSTARTED and words:
        yield f"run {run.id} is {run.state}, and its script started"
    for one in attempts:
        if one.number == run.attempt and run.state not in _UNSTARTED and one.state is not run.state:
            yield f"run {run.id} is {run.state}, its attempt {one.number} is {one.state}"
        by_itself = one.state in _BY_THE_SCRIPT and one.exit_code is not None
        if by_itself and (run.id, one.number, "end") not in words:
            yield f"attempt {one.number} of run {run.id} is {one.state}, and its script did not end"
        if one.number > run.attempt and one.state is not RunState.CANCELLED:
            yield f"run {run.id} counts {run.attempt} attempts, and has one that is {one.state} after them"


def _logged(evidence: Evidence) -> Iterator[str]:
    ended = {(line.run_id, line.attempt) for line in evidence.lines if line.word == "end"}
    for one in evidence.attempts:
        chunks = evidence.chunks.get(one.id, ())
        stored = "".join(text for _, text in chunks)
        whole = printed(str(one.run_id), one.number, evidence.loads[one.job_id].lines)
        what = f"log of attempt {one.number} of run {one.run_id} ({one.state})"
        if not whole.startswith(stored):
            yield f"{what} is not what it printed"
        elif one.state in _BY_THE_SCRIPT and (one.run_id, one.number) in ended:
            # A disk may have been full: then it is known how much is missing.
            missing = len(whole[len(stored) :].encode())
            if missing != (one.dropped_bytes or 0):
                yield f"{what} lacks {missing} bytes, and {one.dropped_bytes} of them are counted as dropped"
        sequence = [0, *(seq for seq, _ in chunks)]
        if any(after != before + 1 for before, after in pairwise(sequence)):
            yield f"{what} has a gap after chunk {sequence}"
        if one.last_seq is not None and sequence[-1] < one.last_seq:
            yield f"{what} ends with chunk {sequence[-1]} of {one.last_seq}"
