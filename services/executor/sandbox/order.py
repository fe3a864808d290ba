"""What the executor tells its spawner and each keeper, and how it is packed for them."""

import marshal
import math
import os
from dataclasses import dataclass, field
from pathlib import Path

from services.executor.sandbox.command import ARTIFACTS, SCRIPT_FD, SECRETS, Command
from services.executor.sandbox.fence import Level
from shared.domain.resources import ANYTHING, Resources, resources_to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one keeper is to do. `..._until` are instants of CLOCK_BOOTTIME, or infinity."""

    command: Command
    work_dir: Path
    timeout_s: float
    kill_grace_s: float
    lease_until: float
    spawn_until: float = math.inf
    """An order that the keeper reads later than this starts nothing."""
    network: bool = True
    makes: Path | None = None
    """The folder of an environment that is to be made: the only one that is the run's to write to."""
    reads: tuple[Path, ...] = ()
    """Further folders for this order alone."""
    merges_output: bool = False
    """Whether stderr is stdout's pipe: what is printed is all of one stream, in its exact order."""
    script_sha256: str | None = None
    copy: bytes | None = field(default=None, repr=False)
    """The script's text, where it is not to be read from its path again: given by SCRIPT_FD."""
    resources: Resources = ANYTHING
    artifacts_bytes: int = 0
    """So much of what it leaves in the folder ARTIFACTS is kept; 0: it has no such folder."""
    state: str = ""
    """The id of the job whose folder it has; empty: it has none."""
    state_bytes: int = 0
    """So much may be in that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How every script of an executor is fenced in."""

    level: Level
    work_root: Path
    """Where each run gets a folder, unless it has a root of its own."""
    readable: tuple[str, ...] = ()
    """Absolute paths besides the system's own that scripts may read and execute."""
    writable: tuple[str, ...] = ()
    environments: str = ""
    """The folder of environments, which scripts may read and execute; need not exist."""
    states: str = ""
    """The folder of the folders that jobs keep."""
    cgroup: str = ""
    """What its folder of cgroups is called, where it can have one; empty: it wants none."""
    user: tuple[int, int] | None = None
    """User and group of the executor to be: at level process, also its scripts'."""

    def packed(self) -> dict[str, str | list[str] | tuple[int, int] | None]:
        """Return it as the spawner reads it."""
        return {
            "level": str(self.level),
            "work_root": str(self.work_root),
            "readable": [*self.readable],
            "writable": [*self.writable],
            "environments": self.environments,
            "states": self.states,
            "cgroup": self.cgroup,
            "user": self.user,
        }


def packed(order: Order, place: int) -> bytes:
    """Return the order as the keeper reads it, for the run in this place."""
    files = {f"{SECRETS}/{name}": text for name, text in order.command.files.items()}
    wanted: dict[str, str | bytes | list[bytes] | dict[bytes, bytes] | dict[str, int] | float] = {
        "place": place,
        "network": order.network,
        "argv": [os.fsencode(word) for word in order.command.argv],
        "cwd": os.fsencode(order.work_dir),
        "env": {os.fsencode(key): os.fsencode(value) for key, value in order.command.env.items()},
        "files": {os.fsencode(path): text.encode() for path, text in files.items()},
        "timeout_s": order.timeout_s,
        "grace_s": order.kill_grace_s,
        "lease_until": order.lease_until,
        "spawn_until": order.spawn_until,
        "merges_output": order.merges_output,
        "copy_as": SCRIPT_FD,
        "resources": resources_to_json(order.resources),
        "makes": os.fsencode(order.makes or ""),
        "reads": [os.fsencode(path) for path in order.reads],
        "artifacts": ARTIFACTS,
        "artifacts_bytes": order.artifacts_bytes,
        "state": order.state,
        "state_bytes": order.state_bytes,
    }
    return marshal.dumps(wanted)
