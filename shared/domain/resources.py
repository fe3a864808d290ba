"""What an attempt may use of the machine that it runs on: pure."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

from shared.domain.errors import InvalidInput

KB, MB, GB = 10**3, 10**6, 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What an attempt may use, with all that its script starts; None: the job does not say."""

    memory_bytes: int | None = None
    """Of all processes together: their own pages, shared ones once, swapped ones too; no cached files."""
    processes: int | None = None
    """At once; threads count."""
    open_files: int | None = None
    """Of each process."""
    disk_bytes: int | None = None
    """In the run's own folder, and of each file."""
    cpu_s: int | None = None
    """Of all processes together."""
    nice: int | None = None
    """0 to 19: how much its processes give way to others."""


ANYTHING = Resources()


@dataclass(frozen=True, slots=True)
class Bound:
    """What may be chosen, both ends included."""

    least: int
    most: int
    words: str


BOUNDS: Mapping[str, Bound] = MappingProxyType(
    {
        "memory_bytes": Bound(16 * MB, 1_000 * GB, "Choose between 16 MB and 1,000 GB of memory"),
        "processes": Bound(1, 4_096, "Choose between 1 and 4,096 processes"),
        "open_files": Bound(32, 65_536, "Choose between 32 and 65,536 open files"),
        "disk_bytes": Bound(1 * MB, 1_000 * GB, "Choose between 1 MB and 1,000 GB of disk"),
        "cpu_s": Bound(1, 2_592_000, "Choose between 1 second and 30 days of processor time"),
        "nice": Bound(0, 19, "Choose between 0, as others, and 19, after all others"),
    }
)


def checked_resources(resources: Resources) -> Resources:
    """Return them if they can be kept.

    Raises:
        InvalidInput: with the field and what to do.
    """
    for name, bound in BOUNDS.items():
        value = getattr(resources, name)
        # A bool is an int to Python, and nobody's number.
        if value is not None and (type(value) is not int or not bound.least <= value <= bound.most):
            raise InvalidInput(name, f"{bound.words}, or leave it empty.")
    return resources


def resources_from_json(values: Mapping[str, object]) -> Resources:
    """Return what a person asked for, as JSON has it; what is left out, or null, is not bounded.

    Raises:
        InvalidInput: a name or a value that is none; with the field and what to do.
    """
    unknown = next((name for name in values if name not in BOUNDS), None)
    if unknown is not None:
        raise InvalidInput("resources", f"{unknown} cannot be bounded. Known are {', '.join(BOUNDS)}.")
    return checked_resources(resources_of(values))


def resources_of(values: Mapping[str, object] | None) -> Resources:
    """Return what was stored or sent, maybe by a newer version: names that it does not know are left out."""
    known: dict[str, Any] = {name: value for name, value in (values or {}).items() if name in BOUNDS}
    return Resources(**known)


def resources_to_json(resources: Resources) -> dict[str, int]:
    """Return what is bounded, by name."""
    values = {one.name: getattr(resources, one.name) for one in fields(Resources)}
    return {name: value for name, value in values.items() if value is not None}


def in_bytes(count: int) -> str:
    """Say bytes for people, in powers of ten as everywhere here: `256 MB`, `1.5 GB`."""
    for unit, word in ((GB, "GB"), (MB, "MB"), (KB, "KB")):
        if count >= unit:
            return f"{count / unit:,.1f}".removesuffix(".0") + f" {word}"
    return f"{count} bytes"
