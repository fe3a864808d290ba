"""A whole document: what its parts are, checked as far as this can be done without the portal.

```yaml
version: 1
zone: Asia/Hong_Kong
calendars: {...}
limits: {warehouse-db: 2}
jobs:
  Nightly report:
    script: reports/nightly.py
    schedules:
      - 0 2 * * MON-FRI  # At 02:00, on weekdays
```
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from services.ui.documents.emit import write_yaml
from services.ui.documents.entries import USUAL, Entry, words_of
from services.ui.documents.problems import Problem, UnfitDocument
from services.ui.documents.tree import Place, Tree, read_tree
from shared.domain.errors import InvalidInput

VERSION: Final = 1
MAX_JOBS: Final = 10_000
WAS: Final = "was"
"""What a job was called: it is renamed, and keeps its runs."""
_PARTS: Final = ("version", "zone", "calendars", "limits", "jobs")
_FIELDS: Final = (WAS, *USUAL)
_Wrong: TypeAlias = Callable[[Place, str], None]
_HEAD = "# Jobs of a Job Trigger Portal. `portal plan` says what applying this would change.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a file says; entries are checked when they are made into jobs."""

    jobs: Mapping[str, Entry]
    zone: str | None = None
    """Of schedules that name none; None: the portal's."""
    calendars: Mapping[str, object]
    limits: Mapping[str, int]
    tree: Tree

    def problem(self, place: Place, error: InvalidInput) -> Problem:
        """Return the error of a part of the document with the line that it is about."""
        steps = [step for step in error.field.split(".") if step]
        at = self._found(place, [int(step) if step.isdigit() else step for step in steps])
        field = ".".join(map(str, (*place, *steps)))
        return Problem(line=self.tree.line_of(at), field=field, message=error.message)

    def _found(self, place: Place, steps: list[str | int]) -> Place:
        # The rules of a job name their fields without where a file keeps them.
        for inner in ((), ("policy",), ("resources",), ("schedules",)):
            for length in range(len(steps), 0, -1):
                at = (*place, *inner, *steps[:length])
                if at in self.tree.lines:
                    return at
        return place


def read_document(text: str) -> Document:
    """Return what a text says.

    Raises:
        UnfitDocument: with every problem that was found.
    """
    tree = read_tree(text)
    problems: list[Problem] = []

    def wrong(place: Place, message: str) -> None:
        field = ".".join(map(str, place))
        problems.append(Problem(line=tree.line_of(place), field=field, message=message))

    top: dict[str, Any] = tree.value if isinstance(tree.value, dict) else {}
    if not isinstance(tree.value, dict):
        wrong((), "Begin with `jobs:`, and below it each job by its name.")
    _check_top(top, wrong)
    parts = {part: _by_name(part, top.get(part), wrong) for part in ("calendars", "limits", "jobs")}
    document = Document(
        jobs=_jobs(parts["jobs"], wrong),
        zone=top.get("zone"),
        calendars=parts["calendars"],
        limits=_limits(parts["limits"], wrong),
        tree=tree,
    )
    if problems:
        raise UnfitDocument(problems)
    return document


def write_document(
    jobs: Mapping[str, Entry],
    *,
    zone: str | None,
    calendars: Mapping[str, object] | None = None,
    limits: Mapping[str, int] | None = None,
) -> str:
    """Return the text of a document; `read_document` reads the same from it."""
    parts = {
        "version": VERSION,
        "zone": zone,
        "calendars": calendars or None,
        "limits": limits or None,
        "jobs": jobs,
    }
    notes: dict[Place, str] = {}
    for name, entry in jobs.items():
        schedules = entry.get("schedules")
        if isinstance(schedules, list):
            notes |= {("jobs", name, "schedules", at): words for at, words in words_of(schedules).items()}
    return _HEAD + write_yaml({key: value for key, value in parts.items() if value is not None}, notes)


def _check_top(top: Mapping[str, object], wrong: _Wrong) -> None:
    for key in top:
        if key not in _PARTS:
            wrong((key,), f"There is no such part{_meant(key, _PARTS)}. Known are {', '.join(_PARTS)}.")
    if top.get("version", VERSION) != VERSION:
        wrong(("version",), f"This portal reads version {VERSION}. Export again, or upgrade it.")
    if not isinstance(top.get("zone", ""), str):
        wrong(("zone",), "Name a time zone, such as Asia/Hong_Kong.")


def _by_name(part: str, value: object, wrong: _Wrong) -> dict[str, object]:
    if value is not None and not isinstance(value, dict):
        wrong((part,), f"Write the {part} by name: one `name:` a line, and what it is below.")
    return value if isinstance(value, dict) else {}


def _limits(values: Mapping[str, object], wrong: _Wrong) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, maximum in values.items():
        if isinstance(maximum, int) and not isinstance(maximum, bool):
            found[key] = maximum
        else:
            wrong(("limits", key), "Say how many may run at once, as a whole number.")
    return found


def _jobs(values: Mapping[str, object], wrong: _Wrong) -> dict[str, Entry]:
    if len(values) > MAX_JOBS:
        words = f"These are {len(values):,} jobs; at most {MAX_JOBS:,} fit. Make several files of them."
        wrong(("jobs",), words)
    found: dict[str, Entry] = {}
    for name, entry in values.items():
        if isinstance(entry, dict):
            found[name] = entry
        else:
            wrong(("jobs", name), "Say below it at least which script it runs: `script: hello.py`.")
        for field in found.get(name, ()):
            if field not in _FIELDS:
                wrong(("jobs", name, field), f"A job has no such field{_meant(field, _FIELDS)}.")
    return found


def _meant(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word[:40], known, n=1)
    return f"; {close[0]} is probably meant" if close else ""
