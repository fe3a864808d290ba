"""The command of a crontab's line: whether it only starts a script, or needs a shell. Pure.

A portal starts programs without a shell. So a command is taken where every word of it means itself; whatever
a shell would have to do for it is a reason, in words, not to.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from shared.domain.errors import InvalidInput
from shared.domain.script import PYTHON, SHELL, checked_script

# One character at a time: a repeated group of repeated ones would take for ever to fail.
_PIECE = r"""[A-Za-z0-9_@%+=:,./-]|'[^']*'|"[^"$`\\!]*"|\\[^\n]"""
_WORDS = re.compile(rf"(?:{_PIECE})+(?:[ \t]+(?:{_PIECE})+)*")
_TO = r"(?:[ \t]+[12]|[ \t]*)(?:>>?|&>>?|>&)[ \t]*/dev/null"
_SILENCED = re.compile(rf"(?:{_TO}|[ \t]+2>&1)*{_TO}(?:[ \t]+2>&1)?[ \t]*")
_MERGED = re.compile(r"[ \t]+2>&1[ \t]*")
_INPUT = re.compile(r"(?<!\\)%")
_PYTHONS = frozenset({"python", "python3", "/usr/bin/python", "/usr/bin/python3"})
_SHELLS = frozenset({"sh", "/bin/sh", "/usr/bin/sh"})
_NEEDS: Final[Mapping[str, str]] = {
    "|": "a pipe (|)",
    "&": "&& or a program in the background (&)",
    ";": "several commands (;)",
    ">": "output that goes to a file (>)",
    "<": "input from a file (<)",
    "$": "a variable or the output of a command ($)",
    "`": "the output of a command (`)",
    "*": "file names by pattern (*)",
    "?": "file names by pattern (?)",
    "[": "a test or file names by pattern ([)",
    "{": "braces ({)",
    "(": "a subshell (()",
    "~": "a home folder (~)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A script that a command starts, and nothing else."""

    script: str
    args: tuple[str, ...]
    merges: bool = False
    """It sends stderr where stdout goes."""
    notes: tuple[str, ...] = ()


def started_by(command: str, scripts: PurePosixPath) -> Started:
    """Return the script below the folder `scripts`, an absolute path, that the command starts.

    Raises:
        InvalidInput: it does something else, and what.
    """
    if _INPUT.search(command):
        raise _reason("it is given input, by % in its line")
    plain, notes, merges = command.replace("\\%", "%").strip(), list[str](), False
    if silenced := _last(_SILENCED, plain):
        plain = plain[: silenced.start()]
        notes.append("What it prints went to /dev/null: the portal keeps it.")
    elif merged := _last(_MERGED, plain):
        plain, merges = plain[: merged.start()], True
    words = _words(plain)
    if len(words) > 1 and words[0] in _PYTHONS and words[1].endswith(PYTHON):
        notes.append(f"It was started by {words[0]}: the portal's own Python runs it.")
        words = words[1:]
    elif len(words) > 1 and words[0] in _SHELLS and words[1].endswith(SHELL):
        words = words[1:]
    return Started(script=_below(words[0], scripts), args=tuple(words[1:]), merges=merges, notes=tuple(notes))


def wrapped(command: str, *, line: int, variables: Mapping[str, str]) -> str:
    """Return a script that does what cron did with the command: with its variables, input and home folder."""
    shell = variables.get("SHELL", "/bin/sh")
    given = {name: value for name, value in variables.items() if name != "SHELL"}
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in given.items())
    home = 'cd "$HOME" || exit\n' if "HOME" in given else ""
    said, *typed = [part.replace("\\%", "%") for part in _INPUT.split(command)]
    text = f"{said}\n"
    if typed:
        end = "END_OF_INPUT"
        while end in typed:
            end += "_"
        text = "\n".join((f"(\n{said}\n) <<'{end}'", *typed, end, ""))
    return f"#!{shell}\n# From line {line} of a crontab: look at it before it runs.\n{exports}{home}{text}"


def is_wrappable(command: str, variables: Mapping[str, str]) -> bool:
    """Say whether a script can be made of it: what cron ran, without what no file can hold."""
    texts = (command, *variables.values())
    shell = variables.get("SHELL", "/bin/sh")
    return (
        bool(command.strip()) and "\0" not in "".join(texts) and re.fullmatch(r"/[\w./-]+", shell) is not None
    )


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """Return where the text ends with the pattern. It holds no quotes: the words before it must be whole."""
    return next(
        (found for found in pattern.finditer(text) if found.end() == len(text) and found.group()), None
    )


def _words(text: str) -> list[str]:
    if _WORDS.fullmatch(text):
        return shlex.split(text)
    begun = _WORDS.match(text)
    rest = text[begun.end() if begun else 0 :].lstrip()
    raise _reason(f"it needs a shell for {_NEEDS.get(rest[:1], 'what stands in it')}")


def _below(path: str, scripts: PurePosixPath) -> str:
    if not path.startswith("/"):
        raise _reason(f"it starts {path[:80]}, which is looked for in PATH or cron's folder")
    try:
        relative = PurePosixPath(path).relative_to(scripts)
    except ValueError:
        raise _reason(f"{path[:200]} is not below {scripts}") from None
    try:
        return checked_script(str(relative))
    except InvalidInput as error:
        raise _reason(f"it cannot be a script: {error.message}") from None


def _reason(words: str) -> InvalidInput:
    return InvalidInput("command", words)
