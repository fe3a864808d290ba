"""What the head of each hostile script says: what it tries, and where it must be contained."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from services.executor.sandbox.fence import Level

FOLDER = Path(__file__).parent / "scripts"
NOT_HOSTILE = {"tools.py", "bystander.py"}


class Network(StrEnum):
    """Which network a run has."""

    NONE = "none"
    HOST = "host"


@dataclass(frozen=True, kw_only=True)
class Header:
    """The head of one script."""

    script: str
    tries: str
    contained_at: frozenset[Level]
    opens_network: bool
    """With the host's network it does what it tries, by policy."""
    timeout_s: float
    exit_code: int | None
    """None: it ends by a signal, or is ended."""
    reaches_end: bool
    resources: dict[str, int]
    """What its job allows it."""
    is_of_others_job: bool
    """It is another run of the job of the run that stands by."""

    def must_be_contained(self, level: Level, network: Network) -> bool:
        return level in self.contained_at and not (self.opens_network and network is Network.HOST)


def headers() -> list[Header]:
    """Return the heads of all hostile scripts, by name."""
    paths = sorted(path for path in FOLDER.iterdir() if path.suffix in {".py", ".sh"})
    return [header_of(path) for path in paths if path.name not in NOT_HOSTILE]


def header_of(path: Path) -> Header:
    head = [line[2:] for line in path.read_text().split("\n\n")[0].splitlines() if line.startswith("# ")]
    said = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
    limit = said.get("Time limit")
    ends = said.get("Ends with", "")
    is_ended = limit is not None or ends == "a signal" or "May not reach its end" in head
    code = re.search(r"\d+", ends)
    return Header(
        script=path.name,
        tries=head[0].removeprefix("Tries to ").removesuffix("."),
        contained_at=frozenset(map(Level, said["Contained at"].split(", "))),
        opens_network="With a network" in said,
        timeout_s=float(limit.removesuffix(" s")) if limit else 15,
        exit_code=int(code[0]) if code else None if is_ended else 0,
        reaches_end=limit is None and "May not reach its end" not in head,
        resources={name: int(most) for name, most in re.findall(r"(\w+)=(\d+)", said.get("Limits", ""))},
        is_of_others_job="Of the same job as the other run" in head,
    )
