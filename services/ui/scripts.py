"""The scripts directory as people see it: what can be chosen, and what was probably meant."""

import difflib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from shared.domain.errors import InvalidInput
from shared.domain.script import checked_script

MAX_SCRIPTS = 5_000
_MAX_FOLDERS = 2_000


def listed(root: Path) -> tuple[str, ...]:
    """Return the files that can be run, relative to `root`, sorted; at most `MAX_SCRIPTS`.

    Hidden names, symbolic links and names that `checked_script` refuses are left out. A root that
    does not exist holds no script. Blocks on the disk: call it in a thread.
    """
    return tuple(sorted(islice(_files(root), MAX_SCRIPTS)))


def check_exists(root: Path, script: str) -> None:
    """Say at the field that a script is not there, and which one was probably meant.

    `script` has been through `checked_script`. Blocks on the disk: call it in a thread. It is advice
    while typing; the executor resolves the name again, safely, at each start.

    Raises:
        InvalidInput: on field `script`.
    """
    try:
        if _is_file(root, script):
            return
    except OSError:
        pass
    close = difflib.get_close_matches(script, listed(root), n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]}?" if close else " Put it into the scripts directory first."
    raise InvalidInput("script", f"No such script.{hint}")


def _is_file(root: Path, script: str) -> bool:
    path = root.resolve()
    for part in script.split("/"):
        path = path / part
        if path.is_symlink():
            return False
    return path.is_file()


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
