"""What became of each line or row that was to be imported: a job, or the reason why not."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

JOB_TIMEOUT_S: Final = 86_400
"""Of an imported job: where it comes from nothing stopped it, so a day instead of the usual five minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One line or row of what is imported, and what became of it."""

    at: str
    """Such as `line 12`."""
    text: str
    """What stands there."""
    job: str | None = None
    """The name of the job that it became; None: of none, for the `reason`."""
    words: str = ""
    """When the job runs."""
    reason: str = ""
    notes: tuple[str, ...] = ()
    """What is not quite as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Jobs as a document has them, and what is to be said of where they come from."""

    jobs: Mapping[str, dict[str, object]]
    told: Sequence[Told]
    remarks: Sequence[str] = ()
    """Of all of it."""

    @property
    def refused(self) -> int:
        """Return how many did not become jobs."""
        return sum(1 for one in self.told if one.reason)

    def lines(self) -> Iterator[str]:
        """Yield the report for people."""
        for one in self.told:
            if one.job is not None:
                yield f"{one.at}: {one.job}: {one.words}"
            elif one.reason:
                yield f"{one.at}: NOT TAKEN: {one.reason}"
                yield f"    {one.text}"
            else:
                yield f"{one.at}: {one.text}"
            yield from (f"    {note}" for note in one.notes)
        yield from self.remarks
        yield f"{len(self.jobs):,} jobs; {self.refused:,} not taken."

    def as_json(self, document: str) -> str:
        """Return the report for programs, with the document."""
        told = [asdict(one) for one in self.told]
        facts = {"jobs": len(self.jobs), "not_taken": self.refused, "remarks": list(self.remarks)}
        return json.dumps({**facts, "told": told, "document": document}, ensure_ascii=False, indent=2)


def free_name(wanted: Sequence[str], taken: Mapping[str, object]) -> str:
    """Return the first of the names that no job has, else the last one with a number."""
    from shared.domain.job import MAX_NAME, name_key  # noqa: PLC0415 - imports every schedule

    keys = {name_key(name) for name in taken}
    shorter = [name[: MAX_NAME - 10].strip() for name in wanted]
    for name in shorter:
        if name_key(name) not in keys:
            return name
    number = 2
    while name_key(f"{shorter[-1]} {number}") in keys:
        number += 1
    return f"{shorter[-1]} {number}"
