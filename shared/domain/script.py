"""The name of a script: a relative path that cannot leave the scripts directory, and what runs it.

The rules here judge the text alone. The executor resolves the name again on the directory itself,
where symbolic links and races are judged too (openat2(2)).
"""

import re
import unicodedata
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TypeAlias

from shared.domain.errors import InvalidInput

MAX_SCRIPT = 255
PYTHON, SHELL = ".py", ".sh"
Interpreters: TypeAlias = Mapping[str, tuple[str, ...]]
"""By the extension of a script, such as `.rb`: the absolute path of what runs it, and arguments for that."""
_ENTRY = re.compile(r"(\.[A-Za-z0-9_+-]{1,20})=(/\S+(?: +\S+)*)")


def interpreters_of(text: str) -> dict[str, tuple[str, ...]]:
    """Read `.rb=/usr/bin/ruby,.ts=/usr/bin/deno run`: extensions and commands, separated by commas.

    Raises:
        ValueError: in words for people, with the entry that is wrong.
    """
    found: dict[str, tuple[str, ...]] = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        parts = _ENTRY.fullmatch(entry)
        if parts is None:
            raise ValueError(
                f"{entry!r} is no extension and the absolute path of a program, such as .rb=/usr/bin/ruby"
            )
        extension, command = parts.groups()
        if extension == PYTHON:
            raise ValueError(f"{PYTHON} scripts are run by PORTAL_SCRIPT_PYTHON: choose another Python there")
        if extension in found:
            raise ValueError(f"{extension} is named twice: leave one of them out")
        found[extension] = tuple(command.split())
    return found


def is_runnable(name: str, *, executable: bool, interpreters: Container[str]) -> bool:
    """Say whether there is a way to run a file: by its extension or, if it is executable, by itself."""
    extension = PurePosixPath(name).suffix
    return extension in {PYTHON, SHELL} or extension in interpreters or executable


MOST_HASHED_BYTES = 16_000_000
"""A larger script is not read before it is run: no hash of it is known, and it cannot be pinned."""

MOST_KEPT_BYTES = 256_000
"""Of a longer script no text is kept, from which a change could be shown."""


class Pinning(StrEnum):
    """What becomes of a script that is not the one its job was saved with."""

    RECORD = "record"
    """It runs, and which script it was is recorded."""
    STRICT = "strict"
    """It does not run until somebody accepts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """The script that a job is allowed to run, and since when."""

    sha256: str
    """In hex."""
    at: datetime


def checked_script(name: str) -> str:
    """Return the script's name in normal form (NFC), as it is stored and sent.

    Raises:
        InvalidInput: on field `script`, with the first rule that the name breaks.
    """
    normal = unicodedata.normalize("NFC", name)
    problem = _problem(normal)
    if problem is not None:
        raise InvalidInput("script", problem)
    return normal


def _problem(name: str) -> str | None:
    if not name:
        return "Choose a script from the scripts directory."
    if len(name.encode("utf-8", "surrogatepass")) > MAX_SCRIPT:
        return f"The script's path is longer than {MAX_SCRIPT} bytes. Use a shorter one."
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs"} for character in name):
        return "The script's path holds a control character. Type it again by hand."
    if "\\" in name:
        return "Use / between folders, not \\."
    if name.startswith("/"):
        return "Give the path relative to the scripts directory, without a leading /."
    return next((problem for part in name.split("/") if (problem := _part_problem(part))), None)


def _part_problem(part: str) -> str | None:
    if part in {"", "."}:
        return "The script's path has an empty part. Remove the doubled / or the single dot."
    if part == "..":
        return "A script must lie inside the scripts directory: the path may not contain '..'."
    if part.startswith("."):
        return f"Hidden files cannot be run: rename {part!r} so that it does not start with a dot."
    if part != part.strip():
        return f"{part!r} starts or ends with a space. Rename it."
    return None
