"""Jobs as files: all of them as one text, and a text as changes of them, foreseen and made."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.ui.access import demand_somewhere
from services.ui.commands import Commands, Controls
from services.ui.commands.applying import Applying
from services.ui.commands.foreseeing import Foreseeing
from services.ui.commands.meant import Problems
from services.ui.commands.steps import Step
from services.ui.commands.stored import names_in, stored_jobs
from services.ui.documents.calendars import calendar_entry
from services.ui.documents.document import Document, read_document, write_document
from services.ui.documents.entries import Names, Stored, entry_of
from services.ui.documents.plan import Plan, Seen
from services.ui.documents.problems import Problem, UnfitDocument
from services.ui.settings import default_zone
from services.ui.zones import checked_zone
from shared.db import calendars, jobs, limits
from shared.db.calendars import StoredCalendar
from shared.db.engine import Database
from shared.db.types import storable
from shared.domain.access import Role
from shared.domain.errors import Conflict, InvalidInput, NotFound, PortalError
from shared.domain.job import name_key
from shared.domain.tags import checked_tags

TOGETHER: Final = 250
"""So many changes are made in one transaction: some three seconds, in which nobody else writes on SQLite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What people do with all jobs at once, as a text."""

    database: Database
    commands: Commands
    controls: Controls

    async def export(self, names: Collection[str] = ()) -> str:
        """Return jobs with the calendars and limits that they use as YAML; without names all there are.

        The same jobs make the same text, byte by byte.

        Raises:
            NotFound: one of the names is no job's.
        """
        keys = {name_key(storable(name).strip()): name for name in names}
        async with self.database.reading() as session:
            heads = await jobs.living_heads(session, keys or None)
            gone = set(keys) - {name_key(head.name) for head in heads}
            if gone:
                raise NotFound(f"There is no job {keys[min(gone)]!r}.")
            stored = await stored_jobs(session, heads)
            called = await names_in(session, stored.values())
            kept = await calendars.all_calendars(session)
            maxima = {one.key: one.maximum for one in await limits.limits(session)}
        return await asyncio.to_thread(
            _written, list(stored.values()), called, kept, maxima, only_used=bool(keys)
        )

    async def plan(self, text: str, *, prune: str | None = None) -> Plan:
        """Return what applying the text would change; nothing is changed, and nobody who writes waits for it.

        `prune`: a tag; jobs that have it and that the text does not have are deleted.

        Raises:
            Forbidden: whoever asks may not change one of the things.
            UnfitDocument: with everything that is wrong, line by line.
        """
        demand_somewhere(Role.EDITOR)
        return (await self._foreseen(text, prune=prune, seen=None, now=self.commands.clock.now()))[0]

    async def apply(self, text: str, *, prune: str | None = None, seen: Seen | None = None) -> Plan:
        """Change what the text says and return what was changed: all or nothing of up to TOGETHER changes.

        `seen`: as the plan told it.

        Raises:
            UnfitDocument: with everything that is wrong, line by line; nothing was changed.
            Conflict: something is not as it was seen, and what; nothing was changed. Or somebody was quicker
                while more than TOGETHER changes were made, and how many of them are.
        """
        by, now = demand_somewhere(Role.EDITOR).name, self.commands.clock.now()
        plan, steps = await self._foreseen(text, prune=prune, seen=seen, now=now)
        for done in range(0, len(steps), TOGETHER):
            try:
                await self._carry_out(steps[done : done + TOGETHER], by=by, now=now)
            except PortalError as error:
                if not done:
                    raise
                words = f"{done:,} of {len(steps):,} changes are made. The next was refused: {error}"
                raise Conflict(f"{words} Plan again for the rest.") from error
        return plan

    async def _carry_out(self, steps: Sequence[Step], *, by: str, now: datetime) -> None:
        async with self.commands.sessions.begin() as session:
            applying = Applying(
                session=session, scripts=self.commands.scripts, controls=self.controls, by=by, now=now
            )
            await applying.carry_out(steps)
        for change in applying.changes:
            self.commands.wakeups.job_changed(change.job_id, change.version)
            self.commands.on_job_changed(change.job_id)
        for request_id in applying.asked.ids:
            self.commands.wakeups.requested(request_id)

    async def _foreseen(
        self, text: str, *, prune: str | None, seen: Seen | None, now: datetime
    ) -> tuple[Plan, list[Step]]:
        document = await asyncio.to_thread(read_document, text)
        _check_zone(document)
        if prune is not None:
            checked_tags([prune])
        problems = Problems(document=document)
        async with self.database.reading() as session:
            foreseeing = Foreseeing(
                session=session,
                problems=problems,
                scripts=self.commands.scripts,
                now=now,
                zone=default_zone(),
            )
            plan = await foreseeing.plan(prune=prune, expected=seen)
        if problems.found:
            raise UnfitDocument(problems.found)
        return plan, foreseeing.steps


def _check_zone(document: Document) -> None:
    if document.zone is not None:
        try:
            checked_zone(document.zone)
        except InvalidInput as error:
            line = document.tree.line_of(("zone",))
            raise UnfitDocument([Problem(line=line, field="zone", message=error.message)]) from error


def _written(
    stored: Sequence[Stored],
    names: Names,
    kept: Sequence[StoredCalendar],
    maxima: dict[str, int],
    *,
    only_used: bool,
) -> str:
    zone = default_zone()
    entries = {str(one.definition["name"]): entry_of(one, names, zone=zone) for one in stored}
    if only_used:
        policies = [one.definition["policy"] for one in stored]
        used = {id_ for each in policies for way in ("include", "exclude") for id_ in each.get(way) or ()}
        kept = [one for one in kept if str(one.id) in used]
        keys = {one.definition["limit_key"] for one in stored}
        maxima = {key: maximum for key, maximum in maxima.items() if key in keys}
    return write_document(
        entries,
        zone=zone,
        calendars={one.calendar.name: calendar_entry(one.calendar) for one in kept},
        limits=maxima,
    )
