"""How well scripts are fenced in: what an executor offers, and what a job asks for at least."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class MinSandbox(StrEnum):
    """The weakest level at which a job may run, the weakest first."""

    ANY = "any"
    RESTRICTED = "restricted"
    ISOLATED = "isolated"


HOW_TO_OFFER: Mapping[MinSandbox, str] = MappingProxyType(
    {
        MinSandbox.ANY: "Start one",
        MinSandbox.RESTRICTED: "Start one on Linux 5.13 or newer with Landlock",
        MinSandbox.ISOLATED: "Start one on a host that allows namespaces",
    }
)
"""Where an executor that offers it can be had, in words for people."""


def offered(level: str) -> tuple[MinSandbox, ...]:
    """Return what an executor of this level offers, the weakest first. An unknown level offers the least."""
    known = list(MinSandbox)
    return tuple(known[: known.index(MinSandbox(level)) + 1]) if level in known else (MinSandbox.ANY,)


def is_enough(level: str, minimum: MinSandbox) -> bool:
    """Say whether a job that asks for `minimum` may run on an executor of this level."""
    return minimum in offered(level)
