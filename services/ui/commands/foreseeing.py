"""What a document would change, found without changing anything: it reads, and waits for nobody who writes.

Every job is judged by the functions that store it, and compared as it would be stored with how it is now.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.access import demand
from services.ui.commands import jobs as job_commands
from services.ui.commands.drafts import JobDraft, ScheduleDraft
from services.ui.commands.meant import Problems, Wanted, folded, wanted_jobs
from services.ui.commands.order import order_of
from services.ui.commands.schedules import Saving
from services.ui.commands.secrets import refuse_unknown
from services.ui.commands.steps import DeleteStep, JobStep, LimitStep, SaveCalendar, Step
from services.ui.commands.stored import names_in, schedules_of, stored_as, stored_jobs, upstream_ids
from services.ui.documents.calendars import calendar_entry, calendar_of
from services.ui.documents.document import WAS
from services.ui.documents.entries import Entry, Names, Stored, entry_of, full_entry
from services.ui.documents.plan import Action, Part, Plan, Planned, PlannedField, Seen
from services.ui.scripts import Scripts
from shared.db import calendars, edges, jobs, limits, secrets
from shared.db.calendars import StoredCalendar
from shared.db.jobs import JobHead
from shared.db.tags import living_with
from shared.domain.access import Role, folder_of
from shared.domain.chain import ChainOn, RunsAfter, Upstream, check_runs_after
from shared.domain.changes import changed_fields
from shared.domain.errors import Conflict, InvalidInput
from shared.domain.ids import CalendarId, JobId, new_id
from shared.domain.job import name_key
from shared.domain.limits import KEY_NAMES, checked_maximum, is_limit_key

MOST_CHANGES = 2_000
"""So much is changed for one request: it takes half a minute."""
_NAMED = 5


@dataclass(slots=True, kw_only=True)
class Foreseeing:
    """One document that is being looked at."""

    session: AsyncSession
    """A reading one: it sees the ledger as it was at one moment."""
    problems: Problems
    scripts: Scripts
    now: datetime
    zone: str
    """Of schedules, where neither they nor the document name one."""
    steps: list[Step] = field(default_factory=list)
    """What is to be done, in the order in which that can be done."""
    _planned: list[Planned] = field(default_factory=list)
    _unchanged: int = 0
    _calendar_ids: dict[str, CalendarId] = field(default_factory=dict)
    _job_ids: dict[str, JobId] = field(default_factory=dict)
    """By folded name: of all jobs that the document names, those that are still to be made, too."""
    _names: Names = field(default_factory=Names)
    _secrets: frozenset[str] = frozenset()

    async def plan(self, *, prune: str | None, expected: Seen | None) -> Plan:
        """Return what would be changed; with `problems` it is not all of it.

        Raises:
            Conflict: something is not as it is expected to be; its words name it.
            Forbidden: whoever asks may not change one of the things.
        """
        document = self.problems.document
        wanted, self._job_ids = await wanted_jobs(self.session, self.problems)
        pruned = await self._pruned(prune, wanted)
        kept = {name_key(one.calendar.name): one for one in await calendars.all_calendars(self.session)}
        maxima = {one.key: one.maximum for one in await limits.limits(self.session)}
        seen = self._seen(wanted, pruned, kept, maxima)
        if expected is not None:
            _refuse_changed(expected, seen)
        self._calendars(kept)
        self._limits(maxima)
        await self._jobs(wanted)
        for head in pruned:
            demand(Role.EDITOR, folder_of(head.script))
            self.steps.append(DeleteStep(head=head))
            self._planned.append(Planned(part=Part.JOB, action=Action.DELETE, name=head.name, id=head.id))
        if len(self._planned) > MOST_CHANGES:
            words = f"At most {MOST_CHANGES:,} things are changed at once. Apply it in parts."
            self.problems.note((), InvalidInput("", words))
        places = {name: place for place, name in enumerate(document.jobs)}
        ordered = sorted(
            self._planned, key=lambda one: places.get(one.name, len(places)) if one.part is Part.JOB else -1
        )
        return Plan(changes=tuple(ordered), unchanged=self._unchanged, seen=seen)

    async def _pruned(self, tag: str | None, wanted: Mapping[str, Wanted]) -> list[JobHead]:
        """Return the jobs with the tag that the document does not have."""
        if tag is None:
            return []
        tagged = await living_with(self.session, tag)
        meant = {one.head.id for one in wanted.values() if one.head is not None}
        gone = [head for one in tagged - meant if (head := await jobs.head_of(self.session, one)) is not None]
        return sorted(gone, key=lambda head: name_key(head.name))

    def _seen(
        self,
        wanted: Mapping[str, Wanted],
        pruned: list[JobHead],
        kept: Mapping[str, StoredCalendar],
        maxima: Mapping[str, int],
    ) -> Seen:
        document = self.problems.document
        heads = {one.name: None if one.head is None else one.head.version for one in wanted.values()}
        versions = {name: kept.get(name_key(name)) for name in document.calendars}
        return Seen(
            jobs=heads | {head.name: head.version for head in pruned},
            calendars={name: None if one is None else one.version for name, one in versions.items()},
            limits={key: maxima.get(key) for key in document.limits},
        )

    def _calendars(self, kept: Mapping[str, StoredCalendar]) -> None:
        self._calendar_ids = {key: one.id for key, one in kept.items()}
        for name, entry in self.problems.document.calendars.items():
            with self.problems.at(("calendars", name)):
                key, calendar = name_key(name), calendar_of(name, entry)
                old = kept.get(key)
                if old is not None and old.calendar == calendar:
                    self._unchanged += 1
                    continue
                demand(Role.EDITOR)
                id_ = self._calendar_ids.setdefault(key, CalendarId(new_id()))
                step = SaveCalendar(id=id_, calendar=calendar, version=None if old is None else old.version)
                before = {} if old is None else {"name": old.calendar.name, **calendar_entry(old.calendar)}
                after = {"name": calendar.name, **calendar_entry(calendar)}
                self._compare(step, Part.CALENDAR, name, before, after)

    def _limits(self, maxima: Mapping[str, int]) -> None:
        for key, maximum in self.problems.document.limits.items():
            with self.problems.at(("limits", key)):
                if not is_limit_key(key):
                    raise InvalidInput("", KEY_NAMES)
                if maxima.get(key) != maximum:
                    demand(Role.EDITOR)
                before = {"maximum": maxima[key]} if key in maxima else {}
                after = {"maximum": checked_maximum(maximum)}
                self._compare(LimitStep(key=key, maximum=maximum), Part.LIMIT, key, before, after)

    async def _jobs(self, wanted: dict[str, Wanted]) -> None:
        before = await stored_jobs(
            self.session, [one.head for one in wanted.values() if one.head is not None]
        )
        for key, one in wanted.items():
            self._job_ids[key] = JobId(new_id()) if one.head is None else one.head.id
        names = await names_in(self.session, before.values())
        new_calendars = {self._calendar_ids[name_key(one)]: one for one in self._known_calendars()}
        self._names = Names(
            # As they will be called: who runs after a job that is renamed is not changed by that.
            jobs={**names.jobs, **await self._upstream_names(wanted)},
            calendars={**names.calendars, **new_calendars},
        )
        self._secrets = frozenset(one.name for one in await secrets.secrets(self.session))
        upstreams = {key: {folded(name) for name in one.checked.runs_after} for key, one in wanted.items()}
        for key in self._in_order(wanted, upstreams, await edges.links_of_living(self.session)):
            one = wanted[key]
            if upstreams[key] & self.problems.failed:
                self.problems.failed.add(key)  # it cannot be judged before those are mended
                continue
            with self.problems.at(("jobs", one.name)):
                await self._job(one, None if one.head is None else before[one.head.id])

    def _known_calendars(self) -> list[str]:
        return [name for name in self.problems.document.calendars if name_key(name) in self._calendar_ids]

    async def _upstream_names(self, wanted: Mapping[str, Wanted]) -> dict[JobId, str]:
        """Return what the jobs that are named to be run after are called, now or once this is done."""
        found = {self._job_ids[key]: one.name.strip() for key, one in wanted.items()}
        others = set(self._job_ids.values()) - set(found)
        return {**await edges.names_of(self.session, others), **found}

    def _in_order(
        self,
        wanted: Mapping[str, Wanted],
        upstreams: Mapping[str, set[str]],
        links: Mapping[JobId, list[JobId]],
    ) -> list[str]:
        nodes = {
            key: {one if one in wanted else self._job_ids.get(one, one) for one in upstreams[key]}
            for key in wanted
        }
        ids = {one.head.id: key for key, one in wanted.items() if one.head is not None}
        order, circle = order_of(nodes, ids, links)
        if circle:
            said = " → ".join(wanted[key].name for key in circle)
            words = f"These jobs would start each other for ever: {said}. Take one of them out."
            self.problems.note(("jobs", wanted[circle[0]].name), InvalidInput("runs_after", words))
        return order

    async def _job(self, one: Wanted, old: Stored | None) -> None:
        said = {field: value for field, value in one.entry.items() if field != WAS}
        is_named_so = one.head is not None and one.head.name == one.name
        if old is not None and is_named_so and said == entry_of(old, self._names, zone=self._zone):
            self._unchanged += 1
            return
        if one.head is not None:
            demand(Role.EDITOR, folder_of(one.head.script))
        job_id, draft = self._job_ids[folded(one.name)], self._draft(one, old)
        current = () if old is None else schedules_of(old)
        held = () if old is None else [one["name"] for one in old.definition["secrets"]]
        definition, schedules = await job_commands.foreseen(
            draft, current, self.scripts, Saving(job_id=job_id, now=self.now), held=held
        )
        check_runs_after(job_id, definition.runs_after)
        refuse_unknown(definition.secrets, self._secrets)
        was_paused = old is not None and old.paused
        paused = was_paused if one.checked.paused is None else one.checked.paused
        # Schedules are listed by their ids, and those that stay keep theirs.
        new = stored_as(job_id, definition, sorted(schedules, key=lambda each: each.id), paused=paused)
        before = None if old is None else self._facts(old)
        after = self._facts(new)
        stays = before is not None and {**before, "paused": paused} == after
        step = JobStep(
            id=job_id,
            version=None if one.head is None else one.head.version,
            draft=None if stays else draft,
            paused=None if paused == was_paused else paused,
        )
        if before is None:
            named = {"name": definition.name, **entry_of(new, self._names, zone=self._zone)}
            self._compare(step, Part.JOB, one.name, {}, named)
        else:
            self._compare(step, Part.JOB, one.name, before, after, id_=job_id)

    @property
    def _zone(self) -> str:
        return self.problems.document.zone or self.zone

    def _facts(self, job: Stored) -> Entry:
        """Return all that can be another one afterwards."""
        full = full_entry(job, self._names, zone=self._zone)
        return {"name": job.definition["name"], **full, "pinned_sha256": job.definition["pinned_sha256"]}

    def _draft(self, one: Wanted, old: Stored | None) -> JobDraft:
        said = one.checked
        upstreams = tuple(Upstream(self._job_named(name), on) for name, on in said.runs_after.items())
        # What runs after a deleted job goes on to, should that be restored: no file can say so.
        ends = {} if old is None else upstream_ids(old)
        kept = tuple(Upstream(id_, ChainOn(on)) for id_, on in ends.items() if id_ not in self._names.jobs)
        rules = {
            way: [str(self._calendar_named(way, name)) for name in chosen]
            for way, chosen in (("include", said.include), ("exclude", said.exclude))
        }
        return JobDraft(
            **said.plain,
            name=one.name,
            schedules=tuple(
                ScheduleDraft(schedule=each.schedule, zone=each.zone or self._zone, args=each.args)
                for each in said.schedules
            ),
            runs_after=RunsAfter(said.join, upstreams + kept),
            secrets=said.secrets,
            policy={**said.policy, **{way: chosen for way, chosen in rules.items() if chosen}},
        )

    def _job_named(self, name: str) -> JobId:
        found = self._job_ids.get(folded(name))
        if found is None:
            words = f"There is no job {name!r}, neither here nor in the portal."
            raise InvalidInput(f"runs_after.{name}", words)
        return found

    def _calendar_named(self, way: str, name: str) -> CalendarId:
        found = self._calendar_ids.get(name_key(name))
        if found is None:
            raise InvalidInput(way, f"There is no calendar {name!r}, neither here nor in the portal.")
        return found

    def _compare(
        self,
        step: Step,
        part: Part,
        name: str,
        before: Mapping[str, object],
        after: Mapping[str, object],
        *,
        id_: JobId | None = None,
    ) -> None:
        fields = tuple(
            PlannedField(field=one.field, before=one.before, after=one.after)
            for one in changed_fields(before, after)
        )
        if not fields:
            self._unchanged += 1
            return
        action = Action.CHANGE if before else Action.CREATE
        self.steps.append(step)
        self._planned.append(Planned(part=part, action=action, name=name, id=id_, fields=fields))


def _refuse_changed(expected: Seen, seen: Seen) -> None:
    absent = object()
    pairs = ((expected.calendars, seen.calendars), (expected.limits, seen.limits), (expected.jobs, seen.jobs))
    changed = [name for old, new in pairs for name in new if old.get(name, absent) != new[name]]
    if changed:
        more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
        named = f"{', '.join(changed[:_NAMED])}{more}"
        raise Conflict(f"Somebody changed it since the plan was made: {named}. Plan again, then apply that.")
