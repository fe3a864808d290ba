"""The environments of scripts that name their packages (PEP 723): made once by uv, kept, and few of them.

Each is a folder by the hash of what it is made of, and counts once a file beside it says so: a making that
was interrupted leaves a folder without one, which is removed before the next. What runs is fenced in like a
script, for building a package runs its code.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from services.executor.files import replace_whole
from services.executor.place import Place
from services.executor.sandbox.fence import MAKERS
from services.executor.sandbox.inline import Wanted
from services.executor.sandbox.level import Sandbox
from services.executor.sandbox.process import Ended, StoppedBy
from services.executor.settings import ExecutorSettings, uv_variables
from services.executor.uv_words import CREDENTIALS, Said, is_for_another_python, words_of
from shared.domain.resources import Resources, in_bytes
from shared.runtime.clock import Clock

log = structlog.get_logger()

_MAKE = """
set -eu
uv=$1 python=$2 folder=$3 script=$4; shift 4
export UV_CACHE_DIR="$folder/cache" VIRTUAL_ENV="$folder/env"
"$uv" sync --active --script "$folder/$script" --python "$python" --compile-bytecode "$@"
rm -rf -- "$folder/cache"
chmod -R a+rX,go-w -- "$folder/env"
"""
_CHOOSE = frozenset(
    {
        *("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX_STRATEGY"),
        *("UV_FIND_LINKS", "UV_EXCLUDE_NEWER", "UV_PRERELEASE", "UV_CONFIG_FILE"),
    }
)
"""Of the variables for uv, those by which it chooses packages."""
_SHARED = Path("/var/cache/portal-environments")
_MOST_FILES = 2_000_000
"""An environment of more files than this is measured no further."""


class NoEnvironment(Exception):  # noqa: N818 - what became of it
    """It could not be made; the words say why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is configured: see `ExecutorSettings`."""

    folder: Path
    uv: Path | None = None
    timeout_s: float = 120
    most: int = 20
    most_bytes: int = 5_000_000_000
    """Of all that are kept; and of one while it is made."""
    memory_bytes: int = 2_000_000_000
    builds: bool = False
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One that is there, and stays until it is let go."""

    key: str
    path: Path
    made_in_s: float | None
    """None: it had been made before."""


@dataclass(slots=True)
class _Making:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    failures: int = 0
    error: str = ""


def find_uv(given: Path | None) -> Path | None:
    """Return what makes environments: what is given, or else the uv beside this Python, or on the PATH."""
    beside = [str(Path(sys.prefix, "bin", "uv")), shutil.which("uv") or ""]
    found = (path for path in ([str(given)] if given else beside) if os.access(path, os.X_OK))
    return next((Path(path).absolute() for path in found), None)


def rules_of(settings: ExecutorSettings, folder: Path) -> Rules:
    """Return what is configured, for environments in this folder."""
    return Rules(
        folder=folder,
        uv=settings.uv,
        timeout_s=settings.environment_timeout,
        most=settings.environments_most,
        most_bytes=settings.environments_bytes,
        memory_bytes=settings.environment_memory,
        builds=settings.environment_builds,
        variables=uv_variables(),
    )


def folder_of(settings: ExecutorSettings, place: Place) -> Path:
    """Return where the executor keeps environments: in the portal's home, if its scripts can come by that.

    To be asked before it gives up its privileges: afterwards it looks like one that never had any.
    """
    if settings.environments_dir is None and settings.sandbox == "process":
        return place.folder / "environments"
    if settings.environments_dir is None and os.getuid() != 0:
        # Not below the executor's folder: at isolated that would be there then, were it only by its name.
        return settings.home / "environments" / place.unique_name
    # Executors of several homes may have one name, and all of a machine share that folder.
    return (settings.environments_dir or _SHARED) / place.unique_name


Say = Callable[[str], None]
"""Takes lines for the run's log."""


class Environments:
    """All environments of one executor."""

    def __init__(self, rules: Rules, sandbox: Sandbox, clock: Clock) -> None:
        self._rules = rules
        self._sandbox = sandbox
        self._clock = clock
        self._held: Counter[str] = Counter()
        self._makings: dict[str, _Making] = {}
        self._tidying = asyncio.Lock()
        self._room = asyncio.Semaphore(MAKERS)

    def leave(self) -> None:
        """Remove the folder of environments, if it is empty; for the executor's end."""
        with contextlib.suppress(OSError):
            self._rules.folder.rmdir()

    async def obtain(self, wanted: Wanted, say: Say) -> Environment:
        """Return an environment with what is wanted, made now if there is none; give it to `let_go` later.

        Made once, however many want it at the same time. Cancelled, it leaves nothing.

        Raises:
            NoEnvironment: in words for people.
        """
        key = _key(wanted, self._sandbox.python, self._rules.variables)
        self._held[key] += 1
        try:
            made_in_s = await self._made_in(key, wanted, say)
        except BaseException as error:
            self._let_go(key)
            if isinstance(error, (OSError, TimeoutError)):
                raise NoEnvironment(f"{error}. Its folder is {self._rules.folder}") from error
            raise
        return Environment(key=key, path=self._folder(key) / "env", made_in_s=made_in_s)

    def let_go(self, environment: Environment) -> None:
        """Say that a run has ended: without others it may be removed."""
        self._let_go(environment.key)

    def _let_go(self, key: str) -> None:
        self._held[key] -= 1
        self._held += Counter()  # forgets zeros

    async def _made_in(self, key: str, wanted: Wanted, say: Say) -> float | None:
        if await asyncio.to_thread(self._is_there, key):
            return None
        began = self._clock.monotonic()
        say(f"[Preparing the environment: {wanted.words}]\n")
        making = self._makings.setdefault(key, _Making())
        making.waiting += 1
        try:
            await self._make_once(key, wanted, making, say)
        finally:
            making.waiting -= 1
            if not making.waiting:
                del self._makings[key]
        took_s = self._clock.monotonic() - began
        say(f"[Environment ready after {took_s:.1f} s]\n")
        return took_s

    async def _make_once(self, key: str, wanted: Wanted, making: _Making, say: Say) -> None:
        failures = making.failures
        if making.lock.locked():
            say("[Another run makes the same one: waiting for it]\n")
        async with making.lock:
            if making.failures != failures:
                raise NoEnvironment(making.error)
            if await asyncio.to_thread(self._is_there, key):
                return
            try:
                async with self._room:
                    await self._make(key, wanted, say)
            except NoEnvironment as error:
                making.failures += 1
                making.error = str(error)
                raise

    async def _make(self, key: str, wanted: Wanted, say: Say) -> None:
        tool = self._tool()
        async with self._tidying:
            await self._remove_some()
            if self._folder(key).exists():
                await self._remove(key)
            await asyncio.to_thread(self._lay_out, key, wanted)
        try:
            ended, said = await self._run(key, wanted, tool, say)
            self._judge(wanted, ended, said)
        except BaseException:
            await self._remove(key)
            raise
        await asyncio.to_thread(self._note, key, wanted)
        async with self._tidying:
            await self._remove_some()

    async def _run(self, key: str, wanted: Wanted, tool: Path, say: Say) -> tuple[Ended, str]:
        folder = self._folder(key)
        flags = (*(("--locked",) if wanted.lock else ()), *(() if self._rules.builds else ("--no-build",)))
        uses = (str(tool), str(self._sandbox.python), str(folder), wanted.name)
        order = self._sandbox.making(
            ("/bin/sh", "-c", _MAKE, "make", *uses, *flags),
            {**self._rules.variables, "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"},
            folder=folder,
            tool=tool,
            timeout_s=self._rules.timeout_s,
            resources=Resources(memory_bytes=self._rules.memory_bytes, disk_bytes=self._rules.most_bytes),
        )
        said = Said(say)
        process = self._sandbox.start(order, said.take)
        try:
            ended = await process.ended
            await process.gone
        except asyncio.CancelledError:
            process.kill()
            await process.gone
            raise
        if ended.exit_code is None and ended.stopped_by is None and ended.signal is None:
            await process.started  # raises why it was not
        said.finish()
        return ended, said.text

    def _judge(self, wanted: Wanted, ended: Ended, said: str) -> None:
        if ended.stopped_by is StoppedBy.TIMEOUT:
            raise NoEnvironment(
                f"it took longer than {self._rules.timeout_s:g} s. Run the job again if the index was slow, "
                "or set PORTAL_ENVIRONMENT_TIMEOUT on the executor"
            )
        bounds = {
            StoppedBy.DISK: (self._rules.most_bytes, "disk", "PORTAL_ENVIRONMENTS_BYTES"),
            StoppedBy.MEMORY: (self._rules.memory_bytes, "memory", "PORTAL_ENVIRONMENT_MEMORY"),
        }
        if ended.stopped_by in bounds:
            most, what, setting = bounds[ended.stopped_by]
            raise NoEnvironment(
                f"it took more than {in_bytes(most)} of {what}. Ask for fewer packages, "
                f"or set {setting} on the executor"
            )
        if ended.exit_code != 0:
            raise NoEnvironment(words_of(said))
        if is_for_another_python(said):
            raise NoEnvironment(
                f"the script asks for Python {wanted.requires_python}, and this executor runs it by "
                f"{self._sandbox.python}. Change the one, or name another in PORTAL_SCRIPT_PYTHON"
            )

    def _tool(self) -> Path:
        if found := find_uv(self._rules.uv):
            return found
        raise NoEnvironment(
            "there is no uv on this executor. Install it (pip install uv), or say in PORTAL_UV where it is"
        )

    def _folder(self, key: str) -> Path:
        return self._rules.folder / key

    def _mark(self, key: str) -> Path:
        return self._rules.folder / f"{key}.json"

    def _is_there(self, key: str) -> bool:
        """Look whether it is whole, and note that it is used."""
        try:
            os.utime(self._mark(key))
        except FileNotFoundError:
            return False
        return os.path.lexists(self._folder(key) / "env" / "bin" / "python")

    def _lay_out(self, key: str, wanted: Wanted) -> None:
        folder = self._folder(key)
        make_folder(self._rules.folder)
        folder.mkdir()
        folder.chmod(0o755)
        texts = {wanted.name: wanted.text, **({f"{wanted.name}.lock": wanted.lock} if wanted.lock else {})}
        for name, text in texts.items():
            (folder / name).write_bytes(text)
            (folder / name).chmod(0o644)

    def _note(self, key: str, wanted: Wanted) -> None:
        facts = {"of": wanted.words, "bytes": _size_of(self._folder(key))}
        replace_whole(self._mark(key), json.dumps(facts).encode(), durable=True)

    async def _remove_some(self) -> None:
        """Remove what is half made, and of the others the longest unused while there are too many."""
        for key in await asyncio.to_thread(self._superfluous):
            # Looked at here: meanwhile somebody may have come to use it. From its mark's end on nobody does.
            if not self._held[key] and key not in self._makings:
                await self._remove(key)

    def _superfluous(self) -> list[str]:
        if not self._rules.folder.is_dir():
            return []
        marks = sorted(self._rules.folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        whole = {mark.stem: json.loads(mark.read_bytes())["bytes"] for mark in marks}
        folders = {path.name for path in self._rules.folder.iterdir() if path.is_dir()}
        halves = [key for key in folders - whole.keys() if key not in self._makings]
        count, size = len(whole), sum(whole.values())
        gone = []
        for key, its_size in whole.items():
            if count <= self._rules.most and size <= self._rules.most_bytes:
                break
            if not self._held[key]:
                gone.append(key)
                count, size = count - 1, size - its_size
        return halves + gone

    async def _remove(self, key: str) -> None:
        with contextlib.suppress(OSError):  # a thread's work for a moment; the mark goes first
            self._mark(key).unlink(missing_ok=True)
        try:
            await self._sandbox.remove(key)
            await asyncio.to_thread(self._folder(key).rmdir)
        except (OSError, TimeoutError) as error:
            log.warning("environment not removed", key=key, error=str(error))


def make_folder(folder: Path) -> None:
    """Make the folder of environments, which every user may pass and only this one list; blocks.

    Raises:
        OSError: it cannot be made.
    """
    if not folder.is_dir():
        folder.mkdir(parents=True)
        folder.chmod(0o711)


def _key(wanted: Wanted, python: Path, variables: Mapping[str, str]) -> str:
    """Return what an environment is known by, which its scripts see; blocks for a moment."""
    try:
        found = python.resolve().stat()
    except OSError as error:
        raise NoEnvironment(f"{python} cannot be read: {error.strerror}") from error
    lock = hashlib.sha256(wanted.lock).hexdigest() if wanted.lock else None
    interpreter = (str(python), str(python.resolve()), found.st_mtime_ns, found.st_size)
    asked = (wanted.requires_python, sorted(wanted.dependencies), wanted.settings, lock)
    index = list(_index_of(variables))
    made_of = (2, *asked, interpreter, os.uname().machine, *([index] if index else ()))
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:32]


def _index_of(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what says where packages come from: elsewhere, another may have the same name and version."""
    for name in sorted(_CHOOSE & variables.keys()):
        text = variables[name]
        if name == "UV_CONFIG_FILE":
            with contextlib.suppress(OSError):  # uv says what is wrong with it
                text = Path(text).read_text("utf-8", "replace")
        # Scripts see the key of their environment: no password may be guessed by it.
        yield name, CREDENTIALS.sub("", text)


def _size_of(folder: Path) -> int:
    total, count = 0, 0
    folders = [str(folder)]  # not by recursion: what was built may have left a tree of any depth
    while folders and count < _MOST_FILES:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                count += 1
                total += entry.stat(follow_symlinks=False).st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
    return total
