"""Chooses the level at which scripts run here, and is what an attempt sees of the sandbox."""

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from services.executor.sandbox import landlock, probe, state
from services.executor.sandbox.command import (
    ARTIFACTS,
    PATH,
    Command,
    Given,
    NotRunnable,
    Programs,
    command_for,
)
from services.executor.sandbox.fence import Level, remove_tree
from services.executor.sandbox.inline import MARK, Wanted, wanted_by
from services.executor.sandbox.namespaces import HOME
from services.executor.sandbox.paths import ScriptChanged, lock_of, resolve
from services.executor.sandbox.process import Left, Order, Printed, Process, Setup, Spawner, TooLate
from shared.domain.ids import new_id
from shared.domain.job import Network
from shared.domain.resources import Resources, resources_of
from shared.domain.sandbox import is_enough
from shared.domain.script import PYTHON, Interpreters, Pin
from shared.messages.answers import Grant

AUTO = "auto"
UNAVAILABLE = "unavailable"
_FIXES = {
    Level.ISOLATED: (
        "It needs a kernel that lets ordinary users make namespaces: see user.max_user_namespaces, "
        "kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns; "
        "most containers forbid it."
    ),
    Level.RESTRICTED: (
        "It needs Linux 5.13 with Landlock, and an executor that starts as root, "
        "or with the capabilities SETUID, SETGID and CHOWN."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where scripts are, what runs them, and where each gets its folder."""

    scripts_dir: Path
    python: Path
    home: Path
    """The executor's own folder."""
    marker: Path
    """The path by which keepers are found; it need not exist."""
    work_root: Path
    """For level process."""
    users_root: Path
    """For level restricted: every user must be able to come by it, and none to write there."""
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    user: tuple[int, int] | None = None
    """Who root will be, when it has given up its privileges."""
    interpreters: Interpreters = field(default_factory=dict)
    environments: Path | None = None
    """Where environments of scripts are kept: every user must be able to come by it. None: none are made."""
    artifacts_bytes: int = 50_000_000
    """Of each run."""
    states: Path | None = None
    """Where the folders that jobs keep are; every user must be able to come by it. None: jobs keep none."""
    state_bytes: int = 1_000_000_000
    """Of each job; 0: jobs keep no folder."""
    cgroup: str = ""
    """What the executor's folder of cgroups is called, where it can have one; empty: it wants none."""

    @property
    def wants_states(self) -> bool:
        """Say whether jobs are to keep folders."""
        return self.states is not None and self.state_bytes > 0

    @property
    def programs(self) -> Programs:
        """Return what runs scripts."""
        return Programs(python=PurePosixPath(self.python), others=self.interpreters)


class Sandbox:
    """Scripts run here, at one level; or at none, and then `problem` says why."""

    def __init__(self, ground: Ground, spawner: Spawner | None, problem: str = "") -> None:
        self._ground = ground
        self._spawner = spawner
        self._problem = problem

    @property
    def level(self) -> str:
        """Return the level's name, or `unavailable`."""
        return UNAVAILABLE if self._spawner is None else str(self._spawner.setup.level)

    @property
    def problem(self) -> str:
        """Say why no script can be run, in words for people; empty when they can."""
        if self._spawner is not None and self._spawner.is_gone:
            return "The sandbox's spawner was killed: restart this executor."
        return self._problem

    @property
    def features(self) -> tuple[str, ...]:
        """Return what fences a script in, and what it lacks, in words for people."""
        if self._spawner is None:
            return ()
        without = ("no job folders",) if self._ground.wants_states and self.lacks_states else ()
        others = without if self._spawner.lacks_cgroups else ("cgroup", *without)
        if self._spawner.setup.level is Level.PROCESS:
            return others
        own_user = () if self._spawner.first_user is None else ("own user",)
        own_root = ("own root",) if self._spawner.setup.level is Level.ISOLATED else ()
        is_landlocked = not own_root or landlock.has_scopes()
        files = (*own_root, f"Landlock {landlock.abi()}") if is_landlocked else own_root
        return (*own_user, *files, "seccomp", *others)

    @property
    def lacks_cgroups(self) -> str:
        """Say why runs have no cgroups of their own; empty where they have."""
        return "" if self._spawner is None else self._spawner.lacks_cgroups

    @property
    def lacks_states(self) -> str:
        """Say why jobs keep no folders; empty where they do."""
        return self._problem if self._spawner is None else self._spawner.lacks_states

    @property
    def python(self) -> Path:
        """Return what runs `.py` scripts."""
        return self._ground.python

    @property
    def environments(self) -> Path:
        """Return where environments of scripts are kept, which all of them may read."""
        return self._ground.environments or self._ground.home / "environments"

    def wanted(self, grant: Grant) -> Wanted | None:
        """Read what packages the script asks for; None: none. Blocks, and changes nothing.

        Raises:
            NotRunnable: it cannot be read, or its block is none; in words for people.
            ScriptChanged: it is not the one that the grant pins.
        """
        name = grant.script
        if not name.endswith(PYTHON):
            return None
        self._check(grant)
        text = resolve(self._ground.scripts_dir, name, _pin(grant)).content
        if text is None or MARK not in text:
            return None
        return wanted_by(name.rpartition("/")[2], text, lock_of(self._ground.scripts_dir, name))

    def prepare(
        self,
        grant: Grant,
        given: Given,
        *,
        lease_until: float,
        spawn_until: float,
        environment: Path | None = None,
    ) -> Order:
        """Find the script and read it; blocks, and changes nothing. `environment`: whose Python it has.

        Raises:
            NotRunnable: in words for people.
            ScriptChanged: it is not the one that the grant pins.
        """
        self._check(grant)
        pin = _pin(grant)
        script = resolve(self._ground.scripts_dir, grant.script, pin, keep=pin is not None)
        folder = self._folder(grant)
        command = command_for(
            grant,
            given,
            script=PurePosixPath(script.path),
            executable=script.executable,
            programs=self._ground.programs,
            work_dir=PurePosixPath(folder),
        )
        if environment is not None:
            command = command.within(PurePosixPath(environment))
        if self._ground.artifacts_bytes:
            command = command.keeping(PurePosixPath(folder, ARTIFACTS))
        job = str(grant.job_id) if self.keeps_state else ""
        if job:
            command = command.remembering(self._state_of(job))
        return Order(
            command=command,
            work_dir=folder,
            timeout_s=grant.timeout_s,
            kill_grace_s=grant.kill_grace_s,
            lease_until=lease_until,
            spawn_until=spawn_until,
            merges_output=grant.merge_output,
            network=grant.network is Network.HOST,
            script_sha256=script.sha256,
            copy=script.content,
            resources=resources_of(grant.resources),
            artifacts_bytes=self._ground.artifacts_bytes,
            state=job,
            state_bytes=self._ground.state_bytes,
        )

    def making(
        self,
        argv: tuple[str, ...],
        env: Mapping[str, str],
        *,
        folder: Path,
        tool: Path,
        timeout_s: float,
        resources: Resources,
    ) -> Order:
        """Return the order to run what makes an environment in `folder`, fenced in like a script.

        It has the network, may write to that folder alone besides its own, and run what is beside `tool`.
        """
        work_dir = self._folder_of(str(new_id()))
        homes = {"HOME": str(work_dir), "TMPDIR": str(work_dir), "PATH": PATH, "LANG": "C.UTF-8"}
        return Order(
            command=Command(argv=argv, env={**env, **homes}),
            work_dir=work_dir,
            timeout_s=timeout_s,
            kill_grace_s=0,
            lease_until=math.inf,
            makes=folder,
            reads=(tool.parent,),
            merges_output=True,
            resources=resources,
        )

    async def remove(self, name: str) -> None:
        """Have the folder of an environment emptied; OSError or TimeoutError when it cannot be."""
        if self._spawner is None:
            raise OSError(self._problem)
        await self._spawner.remove(name)

    @property
    def keeps_state(self) -> bool:
        """Say whether each job has a folder that it keeps between its runs."""
        return self._ground.wants_states and not self.lacks_states

    def kept(self) -> list[str]:
        """Return the ids of the jobs that have one; blocks."""
        return state.jobs_in(self._ground.states) if self._ground.states and self.keeps_state else []

    async def forget(self, job: str) -> None:
        """Have that of a job removed, if no run of it goes on; OSError or TimeoutError when it cannot be."""
        if self._spawner is None:
            raise OSError(self._problem)
        await self._spawner.forget(job)

    def start(self, order: Order, printed: Printed, left: Left = lambda _: None) -> Process:
        """Have the script started; for the event loop's thread.

        Raises:
            OSError: the machine has no room for it, or the spawner is gone.
        """
        if self._spawner is None:
            raise OSError(self._problem)
        return self._spawner.start(order, printed, left)

    def close(self) -> None:
        """Let the spawner go; blocks for a moment."""
        if self._spawner is not None:
            self._spawner.close()

    def _check(self, grant: Grant) -> None:
        """Raise NotRunnable where the level is not enough for what the job asks."""
        if grant.network is Network.NONE and self.level == Level.PROCESS:
            raise NotRunnable(
                "The job is to have no network, and level process keeps no script from it. "
                "Run it where scripts are fenced in, or let it have the network."
            )
        if not is_enough(self.level, grant.min_sandbox):
            raise NotRunnable(
                f"The job asks for level {grant.min_sandbox}, and this executor fences scripts in at level "
                f"{self.level}. Run it where that level holds, or lower the job's minimum."
            )

    def _folder(self, grant: Grant) -> Path:
        return self._folder_of(str(grant.attempt_id))

    def _state_of(self, job: str) -> PurePosixPath:
        assert self._spawner is not None
        if self._spawner.setup.level is Level.ISOLATED:
            return PurePosixPath(state.SEEN_AT)
        return PurePosixPath(self._spawner.setup.states, job, state.DATA)

    def _folder_of(self, name: str) -> Path:
        assert self._spawner is not None
        if self._spawner.setup.level is Level.ISOLATED:
            return Path(HOME)
        return self._spawner.setup.work_root / name


def _pin(grant: Grant) -> Pin | None:
    if grant.pinned_sha256 is None:
        return None
    return Pin(sha256=grant.pinned_sha256, at=grant.pinned_at or grant.due_at)


async def choose(wanted: str, ground: Ground) -> Sandbox:
    """Return the sandbox of the wanted level, or with `auto` of the best that holds; never a weaker one.

    Tries each with a script that must not get out of it. Before privileges are given up: it keeps those
    that it needs in a process of its own.
    """
    levels = (Level.ISOLATED, Level.RESTRICTED) if wanted == AUTO else (Level(wanted),)
    problems = ["Scripts cannot be fenced in here."]
    for level in levels:
        try:
            spawner, found = await _tried(level, ground)
        except probe.CannotReach as error:
            problems.append(str(error))
            break  # it holds, and a weaker one is not to be had for a folder's modes
        if spawner is not None:
            return Sandbox(ground, spawner)
        problems.append(f"Level {level}: {'; '.join(found)}. {_FIXES[level]}")
    problems.append("Or set PORTAL_SANDBOX=process, and run only scripts that you trust.")
    return Sandbox(ground, None, " ".join(problems))


async def _tried(level: Level, ground: Ground) -> tuple[Spawner | None, tuple[str, ...]]:
    if level is Level.RESTRICTED and os.geteuid() != 0:
        return None, ("this executor did not start as root",)
    setup = Setup(
        level=level,
        work_root=ground.users_root if level is Level.RESTRICTED else ground.work_root,
        readable=(str(ground.scripts_dir), *_of_programs(ground), *ground.readable),
        writable=ground.writable,
        environments=str(ground.environments or ""),
        states=str(ground.states) if ground.wants_states else "",
        cgroup=ground.cgroup,
        user=ground.user,
    )
    try:
        spawner = Spawner(ground.marker, setup)
    except SystemExit as error:
        return None, (str(error),)
    if level is Level.PROCESS:
        return spawner, ()
    work_dir = Path(HOME) if level is Level.ISOLATED else setup.work_root / "probe"
    place = probe.Place(python=ground.python, scripts=ground.scripts_dir, home=ground.home, work_dir=work_dir)
    found: tuple[str, ...] = ("its script was interrupted",)
    try:
        found = await probe.failures(spawner, place)
    finally:
        if found:
            spawner.close()
    return (None, found) if found else (spawner, ())


def _of_programs(ground: Ground) -> Iterator[str]:
    """Yield the folders of programs that are not the system's: of a `bin`, the one with its libraries.

    Of a program that lies elsewhere itself alone: who knows what else is there.
    """
    for program in (ground.python, *(Path(command[0]) for command in ground.interpreters.values())):
        paths = (program, program.resolve())
        yield from sorted(
            {str(path.parents[1] if path.parent.name == "bin" else path) for path in paths} - {"/usr", "/"}
        )


__all__ = ["NotRunnable", "Order", "Process", "Sandbox", "ScriptChanged", "TooLate", "remove_tree"]
