"""Which jobs a document means, and what is wrong with it: found all, and told together."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.documents.checked import CheckedEntry, checked_entry
from services.ui.documents.document import WAS, Document
from services.ui.documents.problems import Problem
from services.ui.documents.tree import Place
from shared.db import jobs
from shared.db.jobs import JobHead
from shared.domain.errors import Conflict, InvalidInput, NotFound
from shared.domain.ids import JobId
from shared.domain.job import name_key


@dataclass(slots=True, kw_only=True)
class Problems:
    """What is wrong with a document, as far as it was looked at."""

    document: Document
    found: list[Problem] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    """The folded names of jobs that are wrong: what runs after one cannot be judged."""

    @contextmanager
    def at(self, place: Place) -> Iterator[None]:
        """Take note of what is wrong with a part of the document, and go on."""
        try:
            yield
        except InvalidInput as error:
            self.note(place, error)
        except (Conflict, NotFound) as error:
            self.note(place, InvalidInput("", str(error)))

    def note(self, place: Place, error: InvalidInput) -> None:
        """Take note of it."""
        self.found.append(self.document.problem(place, error))
        if place[:1] == ("jobs",):
            self.failed.add(folded(str(place[1])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A job of a document, and the one that it is a change of."""

    name: str
    entry: Mapping[str, object]
    checked: CheckedEntry
    head: JobHead | None


def folded(name: str) -> str:
    """Return the form in which two names of a document are the same job's."""
    return name_key(name.strip())


async def wanted_jobs(
    session: AsyncSession, problems: Problems
) -> tuple[dict[str, Wanted], dict[str, JobId]]:
    """Return by folded name the jobs that can be understood, and the ids of all that are named."""
    document = problems.document
    checked: dict[str, tuple[str, CheckedEntry]] = {}
    for name, entry in document.jobs.items():
        with problems.at(("jobs", name)):
            key = folded(name)
            if key in checked:
                raise InvalidInput("", f"Another job here is called {checked[key][0]!r}. Rename one of them.")
            checked[key] = (name, checked_entry(entry))
    named = {key for _, one in checked.values() for key in _named_by(one)} | set(checked)
    heads = {name_key(head.name): head for head in await jobs.living_heads(session, named)}
    found: dict[str, Wanted] = {}
    for key, (name, one) in checked.items():
        with problems.at(("jobs", name)):
            head = heads.get(key) or _renamed(one, checked, heads)
            if one.was is not None and head is not None and (other := heads.get(folded(one.was))):
                _refuse_two(one.was, head, other)
            found[key] = Wanted(name=name, entry=document.jobs[name], checked=one, head=head)
    return found, {key: head.id for key, head in heads.items()}


def _named_by(one: CheckedEntry) -> set[str]:
    return {folded(name) for name in (*one.runs_after, *([] if one.was is None else [one.was]))}


def _renamed(
    one: CheckedEntry, checked: Mapping[str, object], heads: Mapping[str, JobHead]
) -> JobHead | None:
    """Return the job that is to be renamed; one that the document names itself is not."""
    if one.was is None:
        return None
    was = folded(one.was)
    if was in checked and was in heads:
        raise InvalidInput(WAS, f"{one.was!r} is a job of this file, too. Take one of the two out.")
    return heads.get(was)


def _refuse_two(was: str, head: JobHead, other: JobHead) -> None:
    if head.id != other.id:
        raise InvalidInput(
            WAS, f"There is a job {was!r} and one of the new name. Delete one, or take `was` out."
        )
