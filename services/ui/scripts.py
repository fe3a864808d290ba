"""The scripts directory as people see it: what can be chosen, and what was probably meant."""

import difflib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from operator import attrgetter
from pathlib import Path

from shared.domain.errors import InvalidInput, UnusableScript
from shared.domain.script import MOST_HASHED_BYTES, Interpreters, checked_script, is_runnable
from shared.runtime.script_files import changed_at, read_script

MAX_SCRIPTS = 5_000
_MAX_FOLDERS = 2_000
_ANY_EXECUTES = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
_NO_WAY = "Nothing says how to run it."
_SAY_HOW = (
    "Give it a #! line and chmod +x, rename it to .py or .sh, "
    "or name the program for such files in PORTAL_INTERPRETERS."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file below the scripts directory."""

    name: str
    size: int | None
    """In bytes; None: it is not there."""
    changed_at: datetime | None
    problem: str
    """Why no job can run it, in words; empty where it can."""


@dataclass(frozen=True, slots=True)
class Scripts:
    """The scripts below `root`, as executors with these interpreters run them. Blocks."""

    root: Path
    interpreters: Interpreters = field(default_factory=dict)

    def listed(self) -> tuple[str, ...]:
        """Return the files that can be run, relative to the root, sorted; at most `MAX_SCRIPTS`.

        Hidden names, symbolic links and names that `checked_script` refuses are left out. A root that
        does not exist holds no script.
        """
        return tuple(sorted(islice(filter(self._is_runnable, _files(self.root)), MAX_SCRIPTS)))

    def looked_through(self) -> tuple[list[Found], bool]:
        """Return every file whose name is not hidden, by name, and whether there are more than these.

        No file is opened, and no link followed. At most `MAX_SCRIPTS` files of 2,000 folders are looked at.
        """
        left_out: list[str] = []
        found = list(islice(self._every(left_out.append), MAX_SCRIPTS + 1))
        return sorted(found[:MAX_SCRIPTS], key=attrgetter("name")), len(found) > MAX_SCRIPTS or bool(left_out)

    def absent(self, scripts: Iterable[str]) -> list[str]:
        """Return those that no executor would find, by name."""
        return [script for script in sorted(scripts) if not _is_file(self.root, script)]

    def problem_of(self, script: str, *, executable: bool) -> str:
        """Return why a plain file cannot be run, in words; empty where it can."""
        known = is_runnable(script, executable=executable, interpreters=self.interpreters)
        return "" if known else f"{_NO_WAY} {_SAY_HOW}"

    def check(self, script: str) -> None:
        """Say at the field that a script is not there, and which one was probably meant; or cannot be run.

        `script` has been through `checked_script`. It is advice while typing; the executor resolves the
        name again, safely, at each start.

        Raises:
            InvalidInput: on field `script`.
        """
        if not _is_file(self.root, script):
            close = difflib.get_close_matches(script, self.listed(), n=1, cutoff=0.5)
            hint = f" Did you mean {close[0]}?" if close else " Put it into the scripts directory first."
            raise InvalidInput("script", f"No such script.{hint}")
        if not self._is_runnable(script):
            raise InvalidInput("script", f"{_NO_WAY} {_SAY_HOW}")

    def to_pin(self, script: str) -> tuple[str, bytes]:
        """Return the hash of a script, in hex, and its content, as executors read it.

        Raises:
            InvalidInput: on field `pinning`, why it cannot be pinned.
        """
        try:
            found = read_script(self.root, script)
        except UnusableScript as error:
            raise InvalidInput("pinning", str(error)) from error
        if found.content is None or found.sha256 is None:
            raise InvalidInput(
                "pinning",
                f"The script has {found.size / 1e6:,.0f} MB; only one of up to "
                f"{MOST_HASHED_BYTES // 1_000_000} MB can be pinned. Let it run whatever is there.",
            )
        return found.sha256, found.content

    def _every(self, leave_out: Callable[[str], None]) -> Iterator[Found]:
        for path in _paths(self.root, leave_out):
            try:
                name, seen = path.relative_to(self.root).as_posix(), path.lstat()
                name.encode()
            except (OSError, UnicodeError):
                continue  # gone meanwhile, or no name that can be shown
            problem = self._problem(name, seen)
            yield Found(name=name, size=seen.st_size, changed_at=changed_at(seen), problem=problem)

    def _problem(self, name: str, seen: os.stat_result) -> str:
        if stat.S_ISLNK(seen.st_mode):
            return "A symbolic link: put the file itself there."
        if not stat.S_ISREG(seen.st_mode):
            return "Not a plain file."
        if seen.st_nlink != 1:
            return "A hard link to a file that has other names: copy the file instead."
        try:
            if checked_script(name) != name:
                return "Its name is not in normal form (NFC): rename it."
        except InvalidInput as error:
            return error.message
        return _NO_WAY if self.problem_of(name, executable=bool(seen.st_mode & _ANY_EXECUTES)) else ""

    def _is_runnable(self, script: str) -> bool:
        try:
            mode = (self.root / script).stat().st_mode
        except OSError:
            return False
        executable = bool(mode & _ANY_EXECUTES)
        return is_runnable(script, executable=executable, interpreters=self.interpreters)


def _is_file(root: Path, script: str) -> bool:
    try:
        path = root.resolve()
        for part in script.split("/"):
            path = path / part
            if path.is_symlink():
                return False
        return path.is_file()
    except OSError:
        return False


def _paths(root: Path, leave_out: Callable[[str], None] = lambda _: None) -> Iterator[Path]:
    """Yield every file and link below the root that is not hidden, in no hidden folder.

    The first folder that is one too many is left out, and all after it.
    """
    for number, (folder, subfolders, files) in enumerate(os.walk(root, followlinks=False)):
        if number == _MAX_FOLDERS:
            return leave_out(folder)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith((".", "__pycache__")))
        links = [name for name in subfolders if Path(folder, name).is_symlink()]
        for name in sorted((*files, *links)):
            if not name.startswith("."):
                yield Path(folder, name)


def _files(root: Path) -> Iterator[str]:
    for path in _paths(root):
        relative = path.relative_to(root).as_posix()
        if not path.is_symlink() and _is_acceptable(relative):
            yield relative


def _is_acceptable(name: str) -> bool:
    try:
        return checked_script(name) == name
    except (InvalidInput, UnicodeError):
        return False
