"""Reads what a script left to be kept, once nothing of its run lives any more.

For a process that has the rights of the run and no more. Whatever lies there is hostile: nothing but plain
files with one name is opened, no link is followed, and every walk has an end.
"""

import contextlib
import os
import stat
from collections.abc import Callable
from itertools import islice

MOST_FILES = 100
MOST_PARTS = 3
"""`a/b/c.txt` is kept, and what lies deeper is not."""
MOST_NAME_BYTES = 255
"""Of the whole path."""
MOST_LOOKED_AT = 1_000
"""So many names are looked at in all."""
PART_BYTES = 65_536
_MOST_TOLD = 20
"""So many times it is told why something is not kept; then how often more."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

Say = Callable[[tuple[str, tuple[str, bytes, bool] | tuple[str, str]]], None]
"""Takes `("file", (name, bytes, whether these are its last))` and `("not kept", (name, why))`."""


def read(home: bytes, name: str, most_bytes: int, say: Say) -> None:
    """Say all that is to be kept of folder `name` in `home`, and what is not; an empty one is removed."""
    harvest = _Harvest(most_bytes, say)
    try:
        above = os.open(home, _FOLDER)
        folder = os.open(name, _FOLDER, dir_fd=above)
    except FileNotFoundError:
        return  # the script removed it
    except OSError as error:
        harvest.leave_out(name, f"it is no folder any more ({error.strerror})")
        return
    try:
        harvest.walk(folder, ())
    finally:
        harvest.end()
        with contextlib.suppress(OSError):
            os.rmdir(name, dir_fd=above)


class _Harvest:
    def __init__(self, most_bytes: int, say: Say) -> None:
        self._most_bytes = self._room = most_bytes
        self._say = say
        self._files = self._looked_at = self._left_out = 0

    def leave_out(self, name: str, why: str) -> None:
        self._left_out += 1
        if self._left_out <= _MOST_TOLD:
            shown = os.fsencode(name).decode("utf-8", "backslashreplace")[:MOST_NAME_BYTES]
            say = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in shown)
            self._say(("not kept", (say, why)))

    def end(self) -> None:
        if self._left_out > _MOST_TOLD:
            self._say(("not kept", ("", f"{self._left_out - _MOST_TOLD} more")))

    def walk(self, folder: int, above: tuple[str, ...]) -> None:
        """Look at what is in an open folder, by name, and close it."""
        try:
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry in islice(entries, MOST_LOOKED_AT + 1))
            for name in names:
                self._looked_at += 1
                if self._looked_at > MOST_LOOKED_AT:
                    if self._looked_at == MOST_LOOKED_AT + 1:
                        self.leave_out("the rest", f"there are more than {MOST_LOOKED_AT:,} names")
                    return
                path = (*above, name)
                if why := self._take(folder, path):
                    self.leave_out("/".join(path), why)
        except OSError as error:
            self.leave_out("/".join(above) or "everything", f"it cannot be read ({error.strerror})")
        finally:
            os.close(folder)

    def _take(self, folder: int, path: tuple[str, ...]) -> str:
        """Return why it is left out; empty when it is not."""
        name = path[-1]
        if why := _fault(path):
            return why
        try:
            kind = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            if stat.S_ISDIR(kind):
                self.walk(os.open(name, _FOLDER, dir_fd=folder), path)
                return ""
            if not stat.S_ISREG(kind):  # not opened at all: an open can do something to a device
                return "it is a link" if stat.S_ISLNK(kind) else "it is no plain file"
            file = os.open(name, _FILE, dir_fd=folder)
        except OSError as error:
            return f"it cannot be read ({error.strerror})"
        try:
            return self._take_file(file, "/".join(path))
        except OSError as error:
            return f"it cannot be read ({error.strerror})"
        finally:
            os.close(file)

    def _take_file(self, file: int, name: str) -> str:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            return "it is no plain file"
        if found.st_nlink != 1:
            return "it has a second name (a hard link)"
        if self._files >= MOST_FILES:
            return f"only {MOST_FILES} files of a run are kept"
        if found.st_size > self._room:
            left = f"of {self._most_bytes:,} for the run {self._room:,} are left"
            return f"it has {found.st_size:,} bytes, and {left}"
        self._files += 1
        self._room -= found.st_size
        rest = found.st_size
        while True:
            data = os.read(file, min(PART_BYTES, rest)) if rest else b""
            rest -= len(data)
            is_last = not rest or not data
            self._say(("file", (name, data, is_last)))
            if is_last:
                return ""


def _fault(path: tuple[str, ...]) -> str:
    """Return what is wrong with a name, by the rules that names of scripts have; empty: nothing."""
    name, whole = path[-1], "/".join(path)
    try:
        size = len(whole.encode())
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    if size > MOST_NAME_BYTES:
        return f"its path is longer than {MOST_NAME_BYTES} bytes"
    if len(path) > MOST_PARTS:
        return f"it lies more than {MOST_PARTS - 1} folders deep"
    if not name.isprintable() or "\\" in name:
        return "its name holds a control character or a \\"
    if name.startswith("."):
        return "it is hidden: its name starts with a dot"
    return "its name starts or ends with a space" if name != name.strip() else ""
