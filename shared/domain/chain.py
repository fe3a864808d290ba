"""Jobs that run after others: which ends of those count, when enough of them are there, and no circles.

| ended as | success | failure | always |
|---|---|---|---|
| succeeded | counts | | counts |
| failed, timed out, lost | | counts | counts |
| cancelled after it had been started | | | counts |
| cancelled before, skipped, missed | | | |
"""

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.domain.errors import InvalidInput
from shared.domain.ids import ArrivalId, EdgeId, JobId
from shared.domain.run import RunState

MAX_UPSTREAMS: Final = 20
_FIELD: Final = "runs_after"
_FAILURES: Final = frozenset({RunState.FAILED, RunState.TIMED_OUT, RunState.LOST})
_ENDS: Final = _FAILURES | {RunState.SUCCEEDED, RunState.CANCELLED}


class ChainOn(StrEnum):
    """Which ends of the job before count."""

    SUCCESS = "success"
    FAILURE = "failure"
    ALWAYS = "always"


class Join(StrEnum):
    """How many of the jobs before must have ended so."""

    ALL = "all"
    """Each of them, since this job was started by them last."""
    ANY = "any"
    """One: each such end starts a run."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A job that another one runs after."""

    job_id: JobId
    on: ChainOn = ChainOn.SUCCESS


@dataclass(frozen=True, slots=True)
class RunsAfter:
    """What a job runs after, besides its schedules."""

    join: Join = Join.ALL
    upstreams: tuple[Upstream, ...] = ()


AFTER_NOTHING: Final = RunsAfter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An end that counts, and that has started nothing yet."""

    id: ArrivalId
    edge_id: EdgeId
    at: datetime


@dataclass(frozen=True, slots=True)
class Starts:
    """What arrivals make: of each set one run, and of the spare ones nothing, now or later."""

    sets: tuple[tuple[Arrival, ...], ...] = ()
    spare: tuple[Arrival, ...] = ()


def counts(on: ChainOn, state: RunState) -> bool:
    """Say whether a run that was started and has ended like this starts what runs after it."""
    match on:
        case ChainOn.SUCCESS:
            return state is RunState.SUCCEEDED
        case ChainOn.FAILURE:
            return state in _FAILURES
        case ChainOn.ALWAYS:
            return state in _ENDS


def starts_of(join: Join, edges: Collection[EdgeId], arrivals: Sequence[Arrival]) -> Starts:
    """Return what the arrivals at one job start.

    Spare are those by edges that it has no more, and with ALL those after which the same job has ended
    again: the newest end of each job before counts.
    """
    known = sorted((one for one in arrivals if one.edge_id in edges), key=lambda one: (one.at, one.id))
    newest = {one.edge_id: one for one in known}
    counted = tuple(one for one in known if join is Join.ANY or newest[one.edge_id] is one)
    spare = tuple(one for one in arrivals if one not in counted)
    if join is Join.ANY:
        return Starts(tuple((one,) for one in counted), spare)
    return Starts((counted,) if counted and len(counted) == len(edges) else (), spare)


def check_runs_after(job_id: JobId | None, value: RunsAfter) -> None:
    """Refuse what no job can run after, as far as this can be told without the other jobs.

    Raises:
        InvalidInput: on field `runs_after`.
    """
    ids = [one.job_id for one in value.upstreams]
    if len(ids) > MAX_UPSTREAMS:
        raise InvalidInput(_FIELD, f"A job runs after at most {MAX_UPSTREAMS} others. Chain some of those.")
    if len(set(ids)) < len(ids):
        raise InvalidInput(_FIELD, "A job is named twice. Remove one of the two.")
    if job_id in ids:
        raise InvalidInput(_FIELD, "A job cannot run after itself. Give it a schedule, or another job.")


def circle(
    job_id: JobId, upstreams: Collection[JobId], links: Mapping[JobId, Collection[JobId]]
) -> tuple[JobId, ...]:
    """Return the shortest circle that would come of a job running after these; empty: there is none.

    In the order in which they would start each other, the job itself first and last. `links` are the jobs
    that each of the others runs after.
    """
    came_from: dict[JobId, JobId] = dict.fromkeys(upstreams, job_id)
    waiting = deque(came_from)
    while waiting:
        one = waiting.popleft()
        if one == job_id:
            return _way_back(job_id, came_from)
        for before in links.get(one, ()):
            if before not in came_from:
                came_from[before] = one
                waiting.append(before)
    return ()


def _way_back(job_id: JobId, came_from: Mapping[JobId, JobId]) -> tuple[JobId, ...]:
    way = [job_id, came_from[job_id]]
    while way[-1] != job_id:
        way.append(came_from[way[-1]])
    return tuple(way)


def refuse_circle(way: Sequence[JobId], names: Mapping[JobId, str], *, instead: str) -> None:
    """Say of a circle how it goes and what to do `instead`.

    Raises:
        InvalidInput: on field `runs_after`, unless `way` is empty.
    """
    if way:
        said = " → ".join(names[one] for one in way)
        raise InvalidInput(_FIELD, f"These jobs would start each other for ever: {said}. {instead}")
