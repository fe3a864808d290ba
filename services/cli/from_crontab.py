"""A crontab as jobs: each line becomes one, or is told why not. Pure, but for what reads `now`."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from typing import Final

from services.cli.cron_command import Started, is_wrappable, started_by, wrapped
from services.cli.crontab import FIELDS_AND_COMMAND, MACRO_AND_COMMAND, VARIABLE
from services.cli.taken import JOB_TIMEOUT_S, Imported, Told, free_name
from shared.domain.errors import InvalidInput
from shared.domain.schedules import check_possible, checked_zone, parse_cron

_ZONES = frozenset({"CRON_TZ", "TZ"})
_OF_CRON: Final[Mapping[str, str]] = {
    "MAILTO": "Nobody is sent mail by it: what a job prints is kept, and alerts say when it fails.",
    "MAILFROM": "It is about mail, which is not sent.",
    "CONTENT_TYPE": "It is about mail, which is not sent.",
    "CONTENT_TRANSFER_ENCODING": "It is about mail, which is not sent.",
    "SHELL": "Scripts are started without a shell.",
    "PATH": "Scripts have the PATH that the portal gives them.",
    "HOME": "Each run has a folder of its own as its HOME.",
    "LOGNAME": "Scripts run as the user that the portal gives them.",
    "LANG": "Scripts have LANG=C.UTF-8.",
}
"""What variables mean that cron reads itself, or that every run has: a job can do without them."""
_DELAY = "RANDOM_DELAY"
_TAG = "crontab"
_REMARK: Final = (
    "Where cron differs: a run that is due while the one before goes on is skipped; after an outage the"
    " latest missed one runs; a run is stopped after a day. Each is a rule of the job."
)
_LONGEST_COMMENT = 400
_LONGEST_LINE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a crontab is read."""

    zone: str
    """In which its times are, until it names another."""
    scripts: PurePosixPath
    """The folder, absolute, below which the portal's scripts are."""
    now: datetime
    has_users: bool = False
    """Each line names a user before its command, as in /etc/crontab."""
    wrap: str | None = None
    """The folder below `scripts` that gets a script of each other command; None: such are not taken."""


@dataclass(slots=True, kw_only=True)
class CrontabReader:
    """One crontab on its way in; `scripts` are what `wrap` makes, by their paths below the folder."""

    reading: Reading
    scripts: dict[str, str] = field(default_factory=dict)
    _jobs: dict[str, dict[str, object]] = field(default_factory=dict)
    _told: list[Told] = field(default_factory=list)
    _variables: dict[str, str] = field(default_factory=dict)
    _comment: list[str] = field(default_factory=list)
    _zone: str = ""

    def read(self, text: str) -> Imported:
        """Return the jobs and what is to be told of each line that is no comment."""
        self._zone = self.reading.zone
        for number, raw in enumerate(text.split("\n"), 1):
            line = raw.strip(" \t\r")
            if not line:
                self._comment.clear()
            elif line.startswith("#"):
                self._comment.append(line.lstrip("# \t"))
            else:
                self._line(number, line)
                self._comment.clear()
        return Imported(jobs=self._jobs, told=self._told, remarks=(_REMARK,) if self._jobs else ())

    def _line(self, number: int, line: str) -> None:
        at, text = f"line {number}", line[:200]
        variable = VARIABLE.fullmatch(line)
        if variable is not None:
            note = self._set(variable[1], variable[2].strip())
            self._told.append(Told(at=at, text=text, notes=(note,) if note else ()))
            return
        try:
            name, words, notes = self._job(number, line)
        except InvalidInput as error:
            self._told.append(Told(at=at, text=text, reason=f"{error.message.rstrip('.')}."))
        else:
            self._told.append(Told(at=at, text=text, job=name, words=words, notes=notes))

    def _set(self, name: str, value: str) -> str:
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        if name in _ZONES:
            self._zone = value
            return f"The times below are those of {value[:60]}."
        self._variables[name] = value
        if name == _DELAY:
            return "Instants are spread over so many minutes, each job's always by the same."
        if name in _OF_CRON:
            return _OF_CRON[name]
        return "A job cannot set it for its script: the lines below that would be given it are not taken."

    def _job(self, number: int, line: str) -> tuple[str, str, tuple[str, ...]]:
        if len(line) > _LONGEST_LINE:
            raise InvalidInput("line", f"it has {len(line):,} characters: put its command into a script")
        is_quiet = line.startswith("-")
        match = (MACRO_AND_COMMAND if line.startswith("@") else FIELDS_AND_COMMAND).fullmatch(line[is_quiet:])
        if match is None:
            raise InvalidInput("line", "it is no line of a crontab")
        expr, command = match[1], match[2] or ""
        schedule = parse_cron(expr, anchor=self.reading.now)
        zone = checked_zone(self._zone)
        check_possible(schedule, zone, now=self.reading.now)
        notes: list[str] = []
        if self.reading.has_users:
            user, _, command = command.partition(" ")
            notes.append(
                f"It ran as {user[:40]}: here it runs as the user that the portal gives its scripts."
            )
        if not command.strip():
            raise InvalidInput("line", "there is no command behind its times")
        started, is_wrapped = self._started(number, command.strip())
        zoned: dict[str, object] = {"kind": "cron", "expr": expr, "zone": zone}
        entry: dict[str, object] = {
            "description": "\n".join(one for one in self._comment if one)[:_LONGEST_COMMENT].strip(),
            "paused": is_wrapped,
            "script": started.script,
            "args": list(started.args),
            "schedules": [" ".join(expr.split()) if zone == self.reading.zone else zoned],
            "tags": [_TAG],
            "timeout_s": JOB_TIMEOUT_S,
            "policy": self._policy(),
            "merge_output": started.merges,
        }
        name = self._named(started, number)
        self._jobs[name] = {key: value for key, value in entry.items() if value not in ("", False, [], {})}
        return name, f"{schedule.describe()} ({zone})", (*notes, *started.notes)

    def _started(self, number: int, command: str) -> tuple[Started, bool]:
        try:
            self._refuse_variables()
            return started_by(command, self.reading.scripts), False
        except InvalidInput as error:
            if self.reading.wrap is None:
                raise InvalidInput("command", f"{error.message}; --wrap makes a script of it") from None
            if not is_wrappable(command, self._variables):
                raise
            return self._wrapped(number, command, error.message), True

    def _refuse_variables(self) -> None:
        others = sorted(set(self._variables) - set(_OF_CRON) - {_DELAY})
        if others:
            raise InvalidInput("command", f"the crontab sets {', '.join(others)[:200]} for it")

    def _wrapped(self, number: int, command: str, reason: str) -> Started:
        variables = {name: value for name, value in self._variables.items() if name != _DELAY}
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", PurePosixPath(_first_word(command)).stem).strip("-")[:40]
        ending = ".sh" if variables.get("SHELL", "/bin/sh") == "/bin/sh" else ""
        script = f"{self.reading.wrap}/line-{number}{f'-{stem}' if stem else ''}{ending}"
        self.scripts[script] = wrapped(command, line=number, variables=variables)
        note = f"{reason[0].upper()}{reason[1:]}: look at {script}, then resume the job."
        return Started(script=script, args=(), notes=(note,))

    def _policy(self) -> dict[str, object]:
        delay = self._variables.get(_DELAY, "")
        return {"jitter_s": int(delay) * 60} if re.fullmatch(r"[1-9][0-9]{0,4}", delay) else {}

    def _named(self, started: Started, number: int) -> str:
        stem = PurePosixPath(started.script).stem
        with_args = f"{stem} {' '.join(started.args)}"
        clean = (
            "".join(one if one.isprintable() else " " for one in name).strip() for name in (stem, with_args)
        )
        return free_name([*clean, f"{stem} (line {number})"], self._jobs)


def _first_word(command: str) -> str:
    try:
        return shlex.split(command)[0]
    except (ValueError, IndexError):
        return command.split(maxsplit=1)[0]
