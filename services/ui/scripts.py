"""The scripts directory as people see it: what can be chosen, and what was probably meant."""

import difflib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from shared.domain.errors import InvalidInput, UnusableScript
from shared.domain.script import MOST_HASHED_BYTES, Interpreters, checked_script, is_runnable
from shared.runtime.script_files import read_script

MAX_SCRIPTS = 5_000
_MAX_FOLDERS = 2_000


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
            raise InvalidInput(
                "script",
                "Nothing says how to run it. Give it a #! line and chmod +x, rename it to .py or .sh, "
                "or name the program for such files in PORTAL_INTERPRETERS.",
            )

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

    def _is_runnable(self, script: str) -> bool:
        try:
            mode = (self.root / script).stat().st_mode
        except OSError:
            return False
        executable = bool(mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH))
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


def _files(root: Path) -> Iterator[str]:
    for folder, subfolders, files in islice(os.walk(root, followlinks=False), _MAX_FOLDERS):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith((".", "__pycache__")))
        for name in sorted(files):
            path = Path(folder, name)
            relative = path.relative_to(root).as_posix()
            if not path.is_symlink() and _is_acceptable(relative):
                yield relative


def _is_acceptable(name: str) -> bool:
    try:
        return checked_script(name) == name
    except (InvalidInput, UnicodeError):
        return False
