"""An entry of a file as typed values: each of the kind that its field takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from services.ui.documents.entries import USUAL, Given, schedule_value
from shared.domain.chain import ChainOn, Join
from shared.domain.errors import InvalidInput
from shared.domain.job import Network, OnLost
from shared.domain.policy import Overlap
from shared.domain.sandbox import MinSandbox
from shared.domain.script import Pinning
from shared.domain.secret import SecretUse

_CHOICES: Final[Mapping[str, type[StrEnum]]] = MappingProxyType(
    {
        "join": Join,
        "on_lost": OnLost,
        "overlap": Overlap,
        "network": Network,
        "pinning": Pinning,
        "min_sandbox": MinSandbox,
    }
)
_TEXTS = frozenset({"was", "script", "limit_key"})
_LIST = "Give a list: [one, two], or one `- ` a line below it."
_KINDS: Final[Mapping[type, str]] = MappingProxyType(
    {
        bool: "Say true or false.",
        int: "Give a whole number.",
        dict: "Write one `name: value` a line below it.",
        list: _LIST,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleEntry:
    """A schedule of an entry: its rule as `shared.domain.schedules` reads it, and what is its own."""

    schedule: Mapping[str, object]
    zone: str | None
    args: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedEntry:
    """A job as a file says it, in values of the right kinds; what they may be is for the job's own rules."""

    was: str | None
    paused: bool | None
    """None: the file does not say, so it stays as it is."""
    schedules: tuple[ScheduleEntry, ...]
    runs_after: Mapping[str, ChainOn]
    """By the name of the job before."""
    join: Join
    secrets: tuple[SecretUse, ...]
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    """Names of calendars."""
    policy: Mapping[str, object]
    """Without calendars."""
    plain: Mapping[str, Any]
    """All other fields, as `JobDraft` has them."""


def checked_entry(entry: Mapping[str, object]) -> CheckedEntry:
    """Return what an entry says; what is left empty is as usual.

    Raises:
        InvalidInput: on the field that holds another kind of value.
    """
    said = {field: value for field, value in entry.items() if value is not None}
    if "script" not in said:
        raise InvalidInput("script", "Say which script it runs: `script: hello.py`.")
    meant = {**USUAL, **said}
    values: dict[str, Any] = {
        field: None if value is None else _value(field, value) for field, value in meant.items()
    }
    policy = dict(values["policy"])
    include, exclude = (
        tuple(_texts(f"policy.{way}", policy.pop(way, None) or [])) for way in ("include", "exclude")
    )
    special = ("was", "paused", "schedules", "runs_after", "join", "secrets", "policy")
    return CheckedEntry(
        was=values.get("was"),
        paused=values["paused"] if "paused" in said else None,
        schedules=tuple(_schedule(number, one) for number, one in enumerate(values["schedules"])),
        runs_after={
            name: _choice(f"runs_after.{name}", on, ChainOn) for name, on in values["runs_after"].items()
        },
        join=_choice("join", values["join"], Join),
        secrets=tuple(
            SecretUse(name=name, as_file=_choice(f"secrets.{name}", how, Given) is Given.FILE)
            for name, how in values["secrets"].items()
        ),
        include=include,
        exclude=exclude,
        policy=policy,
        plain={field: _tupled(field, value) for field, value in values.items() if field not in special},
    )


def _value(field: str, value: object) -> object:
    usual = USUAL.get(field)
    if field in _CHOICES:
        return _choice(field, value, _CHOICES[field])
    if isinstance(usual, str) or field in _TEXTS:
        return _text(field, value)
    kind = type(usual)
    if type(value) is not kind:  # a bool is an int to Python, and nobody's number
        raise InvalidInput(field, _KINDS[kind])
    return _texts(field, value) if field in {"args", "tags"} else value


def _schedule(number: int, one: object) -> ScheduleEntry:
    field = f"schedules.{number}"
    try:
        schedule = schedule_value(one)
    except InvalidInput as error:
        raise InvalidInput(field, error.message) from error
    zone, args = (one.get("zone"), one.get("args")) if isinstance(one, Mapping) else (None, None)
    if args is not None and not isinstance(args, list):
        raise InvalidInput(f"{field}.args", "Give a list of arguments: [one, two].")
    return ScheduleEntry(
        schedule=schedule,
        zone=None if zone is None else _text(f"{field}.zone", zone),
        args=None if args is None else tuple(_texts(f"{field}.args", args)),
    )


def _tupled(field: str, value: Any) -> Any:
    if field == "parameters":
        return tuple(_parameter(number, one) for number, one in enumerate(value))
    return tuple(value) if isinstance(value, list) else value


def _parameter(number: int, one: object) -> Mapping[str, object]:
    if not isinstance(one, Mapping):
        raise InvalidInput(
            f"parameters.{number}", "A parameter has a name and a kind: {name: rows, kind: number}."
        )
    if not isinstance(one.get("choices") or [], list):
        raise InvalidInput(f"parameters.{number}.choices", "Give a list of values: [one, two].")
    return one


def _choice(field: str, value: object, kind: type[StrEnum]) -> Any:
    try:
        return kind(str(value))
    except ValueError:
        raise InvalidInput(field, f"Choose one of {', '.join(kind)}.") from None


def _texts(field: str, values: object) -> list[str]:
    if not isinstance(values, list):
        raise InvalidInput(field, _LIST)
    return [_text(f"{field}.{number}", one) for number, one in enumerate(values)]


def _text(field: str, value: object) -> str:
    if isinstance(value, str):
        return value
    raise InvalidInput(field, f'This is to be text. Put it in quotes: "{_shown(value)}".')


def _shown(value: object) -> str:
    return str(value).lower()[:40] if isinstance(value, bool | int | float) else "..."
