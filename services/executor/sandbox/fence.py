"""What each level puts around a script: the steps, in the processes in which they must be taken.

`process` keeps accidents apart. `restricted` adds a user of the run's own, Landlock and a filter of
system calls. `isolated` adds namespaces: a root, a process tree and, if wanted, a network that nobody
else is on. All of it happens in processes that the spawner forked for one run.
"""

import contextlib
import os
import signal
from enum import StrEnum
from pathlib import Path
from typing import Any

from services.executor.sandbox import harvest, landlock, namespaces, seccomp, state
from services.executor.sandbox.cgroup import Tree
from services.executor.sandbox.kernel import in_child
from services.executor.sandbox.leftovers import SHARED, owned_by, remove_tree
from services.executor.sandbox.limits import limit, room_of

USERS = 256
"""So many users an executor has for its runs: more than it may have slots."""
MAKERS = 8
"""The last of them make environments and are never a script's: who owns a file may change its mode."""
_LONGEST_SWEEP_S = 3600.0
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "shm")
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/opt", "/run/systemd/resolve")
"""What programs need of a system, and what nobody keeps secrets in that any user may read."""


class Level(StrEnum):
    """How well scripts are fenced in, the weakest first."""

    PROCESS = "process"
    RESTRICTED = "restricted"
    ISOLATED = "isolated"


class Fence:
    """The steps of one level. An order is the dictionary that `process.py` packs."""

    def __init__(self, setup: dict[str, Any], *, first_user: int | None) -> None:
        self.level = Level(setup["level"])
        self._readable: list[str] = [*SYSTEM, *setup["readable"]]
        self._writable: list[str] = setup["writable"]
        self._environments: str = setup["environments"]
        self._states: str = setup["states"]
        self._first_user = first_user
        self.tree: Tree | None = None
        """Where runs get cgroups of their own, if they can have any."""
        is_isolated = self.level is Level.ISOLATED
        # The machine's network has its abstract sockets; its paths are not in a root of one's own.
        scoped = {True: landlock.has_scopes(), False: True}
        self._filters = {
            network: seccomp.filtering(
                seccomp.Allowed(
                    sockets=network or is_isolated,
                    unix=is_isolated and scoped[network],
                    own_root=is_isolated,
                    cuts=is_isolated or landlock.sees_cuts(),
                )
            )
            for network in (True, False)
            if self.level is not Level.PROCESS
        }

        if self.level is Level.RESTRICTED:
            self._work_root = Path(setup["work_root"])
            self._work_root.mkdir(mode=0o711, parents=True, exist_ok=True)
            self._tidy()

    @property
    def makes_namespaces(self) -> bool:
        """Say whether a run has namespaces of its own, which its keeper is the first process of."""
        return self.level is Level.ISOLATED

    def user_of(self, order: dict[str, Any]) -> int | None:
        """Return the user that the order's place stands for; None: the spawner's own."""
        place: int = order["place"]
        if self._first_user is None:
            return None
        if not 0 <= place < USERS:
            raise ValueError(place)
        return self._first_user + 1 + place

    def hold(self, order: dict[str, Any]) -> None:
        """Settle whose run it is, and hold the folder of its job for as long as this process lives.

        Raises:
            OSError: there can be none, see `state.take`.
        """
        order["user"], order["kept"] = self.user_of(order), None
        if not order["state"]:
            return
        kept = order["kept"] = self._take_state(order["state"])
        order["user"] = kept.user

    def state_of(self, order: dict[str, Any]) -> str:
        """Return where the run finds the folder of its job; empty: it has none."""
        kept: state.State | None = order["kept"]
        return "" if kept is None else state.SEEN_AT if self.makes_namespaces else kept.path

    def _take_state(self, job: str) -> state.State:
        return state.take(self._states, job, own_users=self._first_user is not None)

    def hand_over(self, order: dict[str, Any]) -> None:
        """Give the run's user its pipes, who opens /dev/stderr by its name must own it, and what it makes."""
        if order["user"] is None:
            return
        for fd in (1, 2):
            os.fchown(fd, order["user"], order["user"])
        if order["makes"]:
            folder = self._environment(os.fsdecode(order["makes"]))
            os.chown(folder, order["user"], order["user"], follow_symlinks=False)

    def enter(self, order: dict[str, Any]) -> None:
        """Become the run's user and make its namespaces, before the keeper is forked into them."""
        _become(order["user"])
        namespaces.enter(network=order["network"])

    def make_ground(self, order: dict[str, Any]) -> None:
        """Make the folder in which the script starts, or the root that holds it."""
        if self.makes_namespaces:
            namespaces.take_root(
                readable=self._readable_by(order),
                writable=self._writable_by(order),
                shown={order["kept"].path: state.SEEN_AT} if order["kept"] else {},
                size_bytes=room_of(order["resources"]),
            )
            return
        folder = os.fsdecode(order["cwd"])
        Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        if order["user"] is not None:
            os.chown(folder, order["user"], order["user"])

    def take_user(self, order: dict[str, Any]) -> None:
        """Become the run's user for good, in the child that is to be the script."""
        if not self.makes_namespaces:
            _become(order["user"])

    def close(self, order: dict[str, Any]) -> None:
        """Take away what the script is not to have: the last steps before it is executed."""
        wanted = order["resources"]
        if self._shares_user(order):
            wanted = {name: most for name, most in wanted.items() if name != "processes"}
        # Else it would count what else the user runs. In namespaces two keepers are the user's, too.
        others = 2 if self.makes_namespaces else 0 if order["user"] is not None else None
        limit(wanted, others=others)
        if self.level is Level.PROCESS:
            return
        os.umask(0o022 if order["makes"] else 0o077)  # what is made is for other runs to read
        if self.makes_namespaces:
            if landlock.has_scopes():
                landlock.scope()
        else:
            devices = [f"/dev/{name}" for name in _DEVICES]
            landlock.restrict(
                readable=[*self._readable_by(order), "/proc", "/sys"],
                writable=[
                    *(os.fsdecode(order["cwd"]), *SHARED, *devices, *self._writable_by(order)),
                    *([self.state_of(order)] if order["kept"] else []),
                ],
            )
        seccomp.install(self._filters[order["network"]])

    def bounds_disk(self, order: dict[str, Any]) -> bool:
        """Say whether a run cannot write more than it may: all it writes to is its root, of that size."""
        return self.makes_namespaces and not order["makes"]

    def bounds_processes(self, order: dict[str, Any]) -> bool:
        """Say whether a run cannot start more than it may: it is the only one of its user."""
        return self.makes_namespaces or (order["user"] is not None and not self._shares_user(order))

    def _shares_user(self, order: dict[str, Any]) -> bool:
        # With other runs of its job.
        return order["kept"] is not None and not self.makes_namespaces

    def places_of(self, order: dict[str, Any]) -> list[str]:
        """Return where a run's files are."""
        user = None if self.makes_namespaces else order["user"]
        own = [os.fsdecode(path) for path in (order["cwd"], order["makes"]) if path]
        return [*own, *(() if user is None else owned_by(user))]

    def look_as(self, user: int | None, *, is_outside: bool) -> None:
        """Let this process, a child of the keeper, see of the run what its user may see.

        `is_outside`: the keeper is in no namespaces yet.
        """
        if is_outside or not self.makes_namespaces:
            _become(user, real=self._first_user)

    def kills_all_at_once(self, order: dict[str, Any]) -> bool:
        """Say whether one call kills every process of the run, and none but those: it is for the next call.

        Where it is so because no other run of the job goes on, none begins before `share`.
        """
        if self.makes_namespaces or order["user"] is None:
            return self.makes_namespaces
        return order["kept"] is None or order["kept"].is_alone()

    def share(self, order: dict[str, Any]) -> None:
        """Let other runs of the job begin again."""
        if order["kept"] is not None:
            order["kept"].share()

    def signal(self, user: int | None, pid: int, *numbers: int) -> None:
        """Send signals to processes of the run, with no more rights than its user has."""
        if user is None or self.makes_namespaces:
            # Everybody is who is in our namespace, if we are its first process: else it is the machine.
            assert pid != -1 or os.getpid() == 1
            _send(pid, numbers)
        else:
            self._signal_as(user, pid, numbers)

    def _signal_as(self, user: int, pid: int, numbers: tuple[int, ...]) -> None:
        def send() -> None:
            # Its effective user may signal them; none of them may signal its real or saved one.
            _become(user, real=self._first_user)
            _send(pid, numbers)

        try:
            # Those of other runs have the same real user: one that says -1 in this moment kills ours, too.
            while not in_child(send):
                pass
        except BlockingIOError:  # the run has taken every process that there is room for
            if pid == -1:
                _send_to_all(user, (signal.SIGSTOP, *numbers))
            else:
                _send(pid, numbers)

    def leave(self) -> None:
        """Remove the folder of the runs' folders, if it is empty."""
        if self.level is Level.RESTRICTED:
            with contextlib.suppress(OSError):
                self._work_root.rmdir()

    def _tidy(self) -> None:
        """Remove what runs of an earlier start left, whose keepers were killed."""
        for folder in self._work_root.iterdir():
            with contextlib.suppress(FileNotFoundError):
                user = folder.lstat().st_uid
                # A job's user may have a run elsewhere that goes on, with files in what is shared; and root's
                # are folders that were not handed over any more.
                shared = () if not user or state.is_jobs(user) else owned_by(user)
                _remove_as(user or None, str(folder), *shared)
                with contextlib.suppress(OSError):
                    folder.rmdir()

    def sweep(self, place: int, pid: int, job: str) -> None:
        """Kill what a run still runs whose keeper was killed; waits for the job's other runs to end."""
        user, kept = self.user_of({"place": place}), None
        if user is None or (job and self.makes_namespaces):
            return
        if job:
            kept = self._take_state(job)
            user = kept.user or user
        # Always as that user: this is no run's first process. As root, -1 is everybody.
        is_alone = kept is None or kept.waits_alone(_LONGEST_SWEEP_S)
        self._signal_as(user, -1 if is_alone else -pid, (signal.SIGKILL,))

    def empty(self, name: str) -> None:
        """Remove what is in the folder of an environment, as its owner; for a process of its own."""
        folder = self._environment(str(Path(self._environments, name)))
        if os.geteuid() == 0:
            _become(os.lstat(folder).st_uid or None)
        for path in list(Path(folder).iterdir()):
            remove_tree(str(path))

    def forget(self, job: str) -> None:
        """Remove the folder of a job, as its owner, unless a run of it goes on; for a process of its own."""
        kept = self._take_state(job)
        if not kept.is_alone():
            return

        _remove_as(kept.user, kept.path)
        kept.remove()

    def _environment(self, folder: str) -> str:
        """Return a folder that the executor names, if it is one of environments."""
        if not self._environments or Path(folder).parent != Path(self._environments):
            raise ValueError(folder)
        return folder

    def _readable_by(self, order: dict[str, Any]) -> list[str]:
        # Of environments it may read all, or write to the one that it makes.
        environments = [] if order["makes"] or not self._environments else [self._environments]
        return [*self._readable, *environments, *map(os.fsdecode, order["reads"])]

    def _writable_by(self, order: dict[str, Any]) -> list[str]:
        return [*self._writable, *([os.fsdecode(order["makes"])] if order["makes"] else [])]

    def collect(self, order: dict[str, Any], say: harvest.Say) -> None:
        """Read what the dead run left to be kept: as its user, like `clear`. Waits while nobody hears it."""

        def read() -> None:
            if not self.makes_namespaces:
                _become(order["user"])
            harvest.read(order["cwd"], order["artifacts"], order["artifacts_bytes"], say)

        if not order["artifacts_bytes"]:
            return
        with contextlib.suppress(OSError):  # closed to us where runs have users of their own
            Path(os.fsdecode(order["cwd"]), order["artifacts"]).rmdir()  # nearly always empty
            return
        try:
            in_child(read)
        except OSError as error:  # no room for a process: how the run ended is told all the same
            say(("not kept", ("", f"its files could not be read ({error.strerror})")))

    def clear(self, order: dict[str, Any]) -> None:
        """Remove what the run left: as its user, so that a hostile tree is never walked with more rights."""
        if self.makes_namespaces:
            return  # it was in memory, and went with the last process
        user = order["user"]
        folder = os.fsdecode(order["cwd"])
        if user is None:
            remove_tree(folder)
            return
        with contextlib.suppress(OSError):
            Path(folder).rmdir()  # nearly always empty: no process is needed
        kept: state.State | None = order["kept"]
        if kept is not None:
            _remove_as(user, folder)  # first: from here on other runs of the job have to wait
        # What they have there at the same time the last of them removes.
        shared = owned_by(user) if kept is None or kept.is_last() else ()
        _remove_as(user, folder, *shared)
        with contextlib.suppress(OSError):
            Path(folder).rmdir()

    def keeps_nothing(self, order: dict[str, Any]) -> bool:
        """Say whether the folder of the job is empty, as far as that can be seen at once; after `clear`."""
        kept: state.State = order["kept"]
        try:
            with os.scandir(self.state_of(order)) as entries:
                return next(entries, None) is None
        except PermissionError:  # only its user may look
            return kept.is_alone() and kept.was_empty()


def _remove_as(user: int | None, *paths: str) -> None:
    left = [path for path in paths if os.path.lexists(path)]
    if not left:
        return

    def remove() -> None:
        _become(user)
        for path in left:
            remove_tree(path)

    in_child(remove)


def _become(user: int | None, *, real: int | None = None) -> None:
    if user is None:
        return
    other = user if real is None else real
    os.setgroups([])
    os.setresgid(other, user, other)
    os.setresuid(other, user, other)


def _send(pid: int, numbers: tuple[int, ...]) -> None:
    for number in numbers:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _send_to_all(user: int, numbers: tuple[int, ...]) -> None:
    # One signal to all of them before the next: the stopped make room for nobody, so none is missed.
    for number in numbers:
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with contextlib.suppress(OSError):
                    _send_if_of(user, int(folder.name), number)


def _send_if_of(user: int, pid: int, number: int) -> None:
    held = os.pidfd_open(pid)  # first: its number may be another's by the time it is looked at
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        if f"\nUid:\t{user}\t" in status:
            signal.pidfd_send_signal(held, number)
    finally:
        os.close(held)


__all__ = ["Fence", "Level", "remove_tree"]
