"""The level `process`, the only one that exists yet: what an attempt sees of the sandbox.

It keeps accidents apart, not enemies: an environment made from nothing, no descriptor but the three,
a session and a folder of its own, no new privileges, and a keeper that lets nothing outlive the run.
"""

import contextlib
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from services.executor.sandbox import process
from services.executor.sandbox.command import NotRunnable, command_for
from services.executor.sandbox.paths import resolve
from services.executor.sandbox.process import Keeper, Order, Printed, Process, TooLate
from shared.messages.answers import Grant

LEVEL = "process"


@dataclass(slots=True, kw_only=True)
class Sandbox:
    """Where scripts are, what runs them, and where each gets its folder.

    One keeper waits ahead of its run: half of the way from due to a script's first instruction would
    otherwise be the start of the keeper's interpreter.
    """

    scripts_dir: Path
    python: Path
    work_root: Path
    keeper: Path
    _spare: Keeper | None = None

    def prepare(self, grant: Grant, *, lease_until: float, spawn_until: float) -> Order:
        """Find the script and make its folder; blocks, and changes nothing when it raises.

        Raises:
            NotRunnable: in words for people.
            OSError: there is no room for the folder.
        """
        script = resolve(self.scripts_dir, grant.script)
        folder = self._folder(grant)
        command = command_for(
            grant,
            script=PurePosixPath(script.path),
            executable=script.executable,
            python=PurePosixPath(self.python),
            work_dir=PurePosixPath(folder),
        )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Order(
            command=command,
            work_dir=folder,
            timeout_s=grant.timeout_s,
            kill_grace_s=grant.kill_grace_s,
            lease_until=lease_until,
            spawn_until=spawn_until,
        )

    def start(self, order: Order, printed: Printed) -> Process:
        """Give the order to the keeper that waits, or to a new one; for the event loop's thread.

        Raises:
            OSError: the machine has no room for another process.
        """
        spare, self._spare = self._spare, None
        if spare is not None:
            with contextlib.suppress(OSError):  # it was killed while it waited
                return spare.obey(order, printed)
        return process.start(order, keeper=self.keeper, printed=printed)

    def keep_ready(self) -> None:
        """Have a keeper wait for the next run, where there is room for one; for the event loop's thread."""
        if self._spare is None:
            with contextlib.suppress(OSError):  # then the next run starts its own, or says why not
                self._spare = process.start_keeper(self.keeper)

    def close(self) -> None:
        """Let the waiting keeper go."""
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.dismiss()

    def clear(self, grant: Grant) -> None:
        """Remove the folder with all the script left in it; blocks."""
        remove_tree(self._folder(grant))

    def _folder(self, grant: Grant) -> Path:
        return self.work_root / str(grant.attempt_id)


def remove_tree(folder: Path) -> None:
    """Remove a folder, however deep and hostile; one that cannot be removed is left for the next start."""
    with contextlib.suppress(FileNotFoundError):
        try:
            folder.rmdir()  # nearly always empty: no process is needed
        except OSError:
            # rm walks without recursion: a tree of 1500 levels ends Python's own rmtree.
            for tool in (["/bin/chmod", "-R", "u+rwX"], ["/bin/rm", "-rf"]):
                # Not the executor's environment: of these, other scripts could read it.
                subprocess.run([*tool, "--", str(folder)], check=False, capture_output=True, env={})


__all__ = ["LEVEL", "NotRunnable", "Order", "Process", "Sandbox", "TooLate", "remove_tree"]
