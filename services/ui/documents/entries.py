"""A stored job in the words of a file, and back: names for ids, and nothing that is as usual."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from shared.domain.chain import Join
from shared.domain.errors import InvalidInput, ScheduleError
from shared.domain.ids import CalendarId, JobId
from shared.domain.job import (
    DEFAULT_KILL_GRACE,
    DEFAULT_MAX_OUTPUT_BYTES,
    DEFAULT_POOL,
    DEFAULT_TIMEOUT,
    Network,
    OnLost,
)
from shared.domain.policy import DEFAULT_POLICY, Overlap, policy_to_json
from shared.domain.sandbox import MinSandbox
from shared.domain.schedules import Cron, Schedule, from_json, parse_cron, to_json
from shared.domain.script import Pinning

Entry = dict[str, object]
"""A job as a file has it, without its name."""

USUAL: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "description": "",
        "paused": False,
        "script": None,
        "args": [],
        "schedules": [],
        "runs_after": {},
        "join": str(Join.ALL),
        "parameters": [],
        "secrets": {},
        "tags": [],
        "timeout_s": int(DEFAULT_TIMEOUT.total_seconds()),
        "kill_grace_s": int(DEFAULT_KILL_GRACE.total_seconds()),
        "on_lost": str(OnLost.FAIL),
        "overlap": str(Overlap.SKIP),
        "pool": DEFAULT_POOL,
        "limit_key": None,
        "policy": {},
        "max_output_bytes": DEFAULT_MAX_OUTPUT_BYTES,
        "merge_output": False,
        "network": str(Network.HOST),
        "pinning": str(Pinning.RECORD),
        "resources": {},
        "min_sandbox": str(MinSandbox.ANY),
    }
)
"""What an entry can say, in the order in which it is written, with what is meant where it says nothing."""

_USUAL_POLICY: Final = policy_to_json(DEFAULT_POLICY)
_USUAL_PARAMETER: Final[Mapping[str, object]] = MappingProxyType(
    {
        "label": "",
        "help": "",
        "default": None,
        "required": False,
        "minimum": None,
        "maximum": None,
        "choices": [],
    }
)
_ANY_ANCHOR = datetime.fromtimestamp(0, UTC)


class Given(StrEnum):
    """How a run is given a secret."""

    VARIABLE = "variable"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What ids are called; what is not here is deleted, and no file can name it."""

    jobs: Mapping[JobId, str] = field(default_factory=dict)
    calendars: Mapping[CalendarId, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A job as it is kept; `definition` as `shared.db.definitions` returns it."""

    id: UUID
    definition: Mapping[str, Any]
    paused: bool


def full_entry(job: Stored, names: Names, *, zone: str) -> Entry:
    """Return everything that a file can say of the job, usual or not, in the order of a file.

    `zone` is that of schedules which name none.
    """
    kept = job.definition
    after = kept["runs_after"]
    ends = {JobId(UUID(one["job_id"])): str(one["on"]) for one in after["jobs"]}
    known = sorted((names.jobs[job_id], on) for job_id, on in ends.items() if job_id in names.jobs)
    found: dict[str, object] = {
        "paused": job.paused,
        "schedules": [
            _schedule(one, seed=str(job.id), zone=zone) for one in kept["schedules"] if _fires(one)
        ],
        "runs_after": dict(known),
        "join": str(after["join"]),
        "parameters": [_parameter(one) for one in kept["parameters"]],
        "secrets": {
            one["name"]: str(Given.FILE if one["as_file"] else Given.VARIABLE) for one in kept["secrets"]
        },
        "policy": _policy(kept["policy"], names),
        "pinning": str(Pinning.RECORD if kept["pinned_sha256"] is None else Pinning.STRICT),
        "resources": dict(sorted(kept["resources"].items())),
    }
    return {name: found.get(name, _plain(kept.get(name))) for name in USUAL}


def entry_of(job: Stored, names: Names, *, zone: str) -> Entry:
    """Return the job as it is written into a file: without what is as usual."""
    full = full_entry(job, names, zone=zone)
    if not full["runs_after"]:
        full["join"] = USUAL["join"]
    return {name: value for name, value in full.items() if value != USUAL[name]}


def words_of(schedules: Sequence[object]) -> dict[int, str]:
    """Return what to write behind each of the schedules of an entry, by its number.

    Nothing behind one with an `H`: what that stands for is each job's own.
    """
    found: dict[int, str] = {}
    for number, one in enumerate(schedules):
        try:
            value = schedule_value(one)
            schedule = from_json(value, anchor=_ANY_ANCHOR, seed="")
        except InvalidInput:
            continue
        if not isinstance(schedule, Cron) or schedule.typed is None or schedule.typed.startswith("@"):
            found[number] = schedule.describe()
    return found


def schedule_value(one: object) -> dict[str, object]:
    """Return a schedule of an entry as `shared.domain.schedules.from_json` reads it.

    Raises:
        InvalidInput: on field `schedule`, it is neither text nor a mapping.
    """
    if isinstance(one, str):
        return {"kind": "cron", "expr": one}
    if isinstance(one, Mapping):
        return {key: value for key, value in one.items() if key not in {"zone", "args"}}
    raise InvalidInput(
        "schedule", 'Write a cron expression in quotes, or such as {kind: daily, at: "09:00"}.'
    )


def _fires(one: Mapping[str, Any]) -> bool:
    return bool(one["schedule"]["kind"] != "manual")


def _schedule(one: Mapping[str, Any], *, seed: str, zone: str) -> object:
    value = _as_typed(from_json(one["schedule"], anchor=_ANY_ANCHOR), seed)
    own: dict[str, object] = {} if one["zone"] == zone else {"zone": one["zone"]}
    if one["args"] is not None:
        own["args"] = list(one["args"])
    if own or not isinstance(value, str):
        return {**({"kind": "cron", "expr": value} if isinstance(value, str) else value), **own}
    return value


def _as_typed(schedule: Schedule, seed: str) -> str | dict[str, object]:
    """Return a cron expression as somebody wrote it, if that means the same for this job."""
    if not isinstance(schedule, Cron):
        return to_json(schedule)
    try:
        if schedule.typed is not None and parse_cron(schedule.typed, seed=seed) == schedule:
            return schedule.typed
    except ScheduleError:
        pass  # words that were typed for another expression
    return schedule.expr


def _policy(kept: Mapping[str, Any], names: Names) -> dict[str, object]:
    by_name: dict[str, object] = {}
    for way in ("include", "exclude"):
        ids = [CalendarId(UUID(one)) for one in kept.get(way) or ()]
        by_name[way] = sorted(names.calendars[one] for one in ids if one in names.calendars)
    values = {**kept, **by_name}
    known = [*_USUAL_POLICY, *sorted(set(values) - set(_USUAL_POLICY))]
    return {
        name: values[name] for name in known if name in values and values[name] != _USUAL_POLICY.get(name)
    }


def _parameter(kept: Mapping[str, Any]) -> dict[str, object]:
    unset = object()
    return {name: value for name, value in kept.items() if value != _USUAL_PARAMETER.get(name, unset)}


def _plain(value: object) -> object:
    return str(value) if isinstance(value, StrEnum) else value
