"""Creating, editing, deleting and restoring definitions."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.access import current, demand
from services.ui.commands import chains, history, secrets
from services.ui.commands.drafts import JobDraft
from services.ui.commands.heads import CHANGED, Change, known, living
from services.ui.commands.history import Doing
from services.ui.commands.once import begin
from services.ui.commands.schedules import Saving, checked_schedules
from services.ui.scripts import Scripts
from shared.db import edges, jobs, script_texts
from shared.db.engine import Sessions
from shared.db.once import Once
from shared.db.tags import tags_by_job
from shared.domain.access import Role, folder_of
from shared.domain.chain import AFTER_NOTHING
from shared.domain.changes import ChangeKind
from shared.domain.errors import Conflict, Forbidden, InvalidInput, NameTaken
from shared.domain.ids import JobId, new_id
from shared.domain.job import Definition, JobSchedule, checked_definition
from shared.domain.parameters import checked_parameters, parameters_from_json
from shared.domain.policy import policy_from_json
from shared.domain.resources import resources_from_json
from shared.domain.schedules import Manual
from shared.domain.script import Pin, Pinning
from shared.domain.tags import checked_tags


async def foreseen(
    draft: JobDraft,
    current: Sequence[JobSchedule],
    scripts: Scripts,
    saving: Saving,
    *,
    held: Collection[str],
) -> tuple[Definition, tuple[JobSchedule, ...]]:
    """Return what `create` and `edit` would store; calendars, secrets and jobs are not looked at.

    `held`: the secrets that the job is given already.

    Raises:
        InvalidInput: with the field and what to do.
        Forbidden: whoever asks may not make the job so.
    """
    definition, _ = await _checked(draft, scripts, now=saving.now)
    demand(Role.EDITOR, folder_of(definition.script))
    _refuse_foreign_secrets(definition, held)
    schedules = checked_schedules(draft, current, saving)
    _check_parameters(definition, schedules)
    return definition, schedules


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """Who makes a job, when, under which id (None: a new one), and by which request, where it is known."""

    by: str
    now: datetime
    job_id: JobId | None = None
    once: Once | None = None


async def create(sessions: Sessions, draft: JobDraft, scripts: Scripts, making: Making) -> Change:
    """Store a new job; see `Commands.create_job`."""
    job_id, now = making.job_id or JobId(new_id()), making.now
    definition, pinned = await _checked(draft, scripts, now=now)
    demand(Role.EDITOR, folder_of(definition.script))
    _refuse_foreign_secrets(definition, ())
    schedules = checked_schedules(draft, (), Saving(job_id=job_id, now=now))
    _check_parameters(definition, schedules)
    try:
        async with begin(sessions, making.once, job_id, now=now) as session:
            await edges.lock_edges(session)
            await _refuse_unknown_calendars(session, definition)
            await jobs.insert(session, job_id, definition, now=now)
            await jobs.replace_schedules(session, job_id, schedules, now=now)
            await chains.save(session, job_id, definition.runs_after, AFTER_NOTHING, now=now)
            await secrets.save_uses(session, job_id, definition.secrets)
            await _keep_text(session, definition, pinned, now=now)
            doing = Doing(kind=ChangeKind.JOB_CREATED, by=making.by, at=now)
            await history.note_definition(session, job_id, doing, version=1)
    except IntegrityError as error:
        raise _name_taken(definition.name) from error
    return Change(job_id=job_id, version=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Who replaces which version, and how it is to be noted."""

    expected_version: int
    by: str
    kind: ChangeKind = ChangeKind.JOB_EDITED
    detail: str = ""


async def edit(
    sessions: Sessions,
    job_id: JobId,
    draft: JobDraft,
    scripts: Scripts,
    *,
    edit: Edit,
    now: datetime,
) -> Change:
    """Replace a definition; see `Commands.edit_job` and `Commands.revert_job`."""
    definition, pinned = await _checked(draft, scripts, now=now)
    demand(Role.EDITOR, folder_of(definition.script))
    try:
        async with sessions.begin() as session:
            await edges.lock_edges(session)
            head = await living(session, job_id, Role.EDITOR)
            _refuse_foreign_secrets(definition, await secrets.names_of(session, job_id))
            if head.version != edit.expected_version:
                raise Conflict(CHANGED)
            await history.begin(session, head, now=now)
            current = await jobs.schedules_of(session, job_id)
            was_after = await edges.runs_after_of(session, job_id)
            schedules = checked_schedules(draft, current, Saving(job_id=job_id, now=now))
            _check_parameters(definition, schedules)
            await _refuse_unknown_calendars(session, definition)
            if not await jobs.replace_definition(
                session, job_id, definition, expected_version=edit.expected_version, now=now
            ):
                raise Conflict(CHANGED)
            await jobs.replace_schedules(session, job_id, schedules, now=now)
            await chains.save(session, job_id, definition.runs_after, was_after, now=now)
            await secrets.save_uses(session, job_id, definition.secrets)
            await _keep_text(session, definition, pinned, now=now)
            doing = Doing(kind=edit.kind, by=edit.by, at=now, detail=edit.detail)
            await history.note_definition(session, job_id, doing, version=edit.expected_version + 1)
    except IntegrityError as error:
        raise _name_taken(definition.name) from error
    return Change(job_id=job_id, version=edit.expected_version + 1)


async def accept_script(
    sessions: Sessions, job_id: JobId, sha256: str, scripts: Scripts, *, by: str, now: datetime
) -> Change | None:
    """Pin another script; see `Commands.accept_script`."""
    async with sessions.begin() as session:
        head = await living(session, job_id, Role.EDITOR)
        pinned = await jobs.pinned_of(session, job_id)
    if pinned.sha256 is None:
        raise Conflict("This job runs whatever script is there: there is nothing to accept.")
    found, content = await asyncio.to_thread(scripts.to_pin, pinned.script)
    if found != sha256:
        raise Conflict("The script has changed since you looked at it. Look again, then accept it.")
    if pinned.sha256 == sha256:
        return None
    async with sessions.begin() as session:
        await history.begin(session, head, now=now)
        if not await jobs.pin(session, head, Pin(sha256=sha256, at=now), now=now):
            raise Conflict(CHANGED)
        await script_texts.keep(session, sha256, content, now=now)
        doing = Doing(kind=ChangeKind.SCRIPT_ACCEPTED, by=by, at=now)
        await history.note_definition(session, job_id, doing, version=head.version + 1)
    return Change(job_id=job_id, version=head.version + 1)


async def retag(
    sessions: Sessions,
    job_id: JobId,
    *,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    by: str,
    now: datetime,
) -> Change | None:
    """Add tags and remove others; None when that changes nothing."""
    async with sessions.begin() as session:
        head = await living(session, job_id, Role.EDITOR)
        known = (await tags_by_job(session, [job_id])).get(job_id, ())
        wanted = checked_tags({*known, *add} - {*remove})
        if wanted == known:
            return None
        await history.begin(session, head, now=now)
        if not await jobs.set_tags(session, head, wanted, now=now):
            raise Conflict(CHANGED)
        doing = Doing(kind=ChangeKind.JOB_EDITED, by=by, at=now)
        await history.note_definition(session, job_id, doing, version=head.version + 1)
    return Change(job_id=job_id, version=head.version + 1)


async def delete(sessions: Sessions, job_id: JobId, *, by: str, now: datetime) -> Change | None:
    """Delete softly; None when it is deleted already."""
    async with sessions.begin() as session:
        head = await known(session, job_id, Role.EDITOR)
        if head.deleted_at is not None:
            return None
        if not await jobs.mark_deleted(session, head, now=now):
            raise Conflict(CHANGED)
        await history.note(session, head, Doing(kind=ChangeKind.JOB_DELETED, by=by, at=now))
    return Change(job_id=job_id, version=head.version + 1)


async def restore(sessions: Sessions, job_id: JobId, *, by: str, now: datetime) -> Change | None:
    """Undo a deletion; None when it is not deleted."""
    async with sessions.begin() as session:
        await edges.lock_edges(session)
        head = await known(session, job_id, Role.EDITOR)
        if head.deleted_at is None:
            return None
        try:
            restored = await jobs.mark_restored(session, head, now=now)
        except IntegrityError as error:
            raise _name_taken(head.name) from error
        if not restored:
            raise Conflict(CHANGED)
        await chains.check_restored(session, job_id)
        await history.note(session, head, Doing(kind=ChangeKind.JOB_RESTORED, by=by, at=now))
    return Change(job_id=job_id, version=head.version + 1)


async def _checked(draft: JobDraft, scripts: Scripts, *, now: datetime) -> tuple[Definition, bytes]:
    """Return what is to be stored, and of a pinned script its content."""
    definition = checked_definition(
        Definition(
            name=draft.name,
            description=draft.description,
            script=draft.script,
            args=draft.args,
            timeout=_seconds("timeout_s", draft.timeout_s),
            kill_grace=_seconds("kill_grace_s", draft.kill_grace_s),
            on_lost=draft.on_lost,
            overlap=draft.overlap,
            pool=draft.pool,
            limit_key=draft.limit_key,
            policy=policy_from_json(draft.policy),
            runs_after=draft.runs_after,
            max_output_bytes=draft.max_output_bytes,
            merge_output=draft.merge_output,
            network=draft.network,
            resources=resources_from_json(draft.resources),
            min_sandbox=draft.min_sandbox,
            secrets=draft.secrets,
            tags=draft.tags,
            parameters=parameters_from_json(draft.parameters),
        )
    )
    await asyncio.to_thread(scripts.check, definition.script)
    if draft.pinning is Pinning.RECORD:
        return definition, b""
    sha256, content = await asyncio.to_thread(scripts.to_pin, definition.script)
    return replace(definition, pin=Pin(sha256=sha256, at=now)), content


async def _keep_text(session: AsyncSession, definition: Definition, content: bytes, *, now: datetime) -> None:
    if definition.pin is not None:
        await script_texts.keep(session, definition.pin.sha256, content, now=now)


async def _refuse_unknown_calendars(session: AsyncSession, definition: Definition) -> None:
    policy = definition.policy
    for field, ids in (("include", policy.include), ("exclude", policy.exclude)):
        if await jobs.unknown_calendars(session, ids):
            raise InvalidInput(field, "A calendar that was chosen does not exist any more. Choose again.")


def _check_parameters(definition: Definition, schedules: Sequence[JobSchedule]) -> None:
    by_itself = any(not isinstance(one.schedule, Manual) for one in schedules)
    checked_parameters(
        definition.parameters, starts_by_itself=by_itself or bool(definition.runs_after.upstreams)
    )


def _refuse_foreign_secrets(definition: Definition, held: Collection[str]) -> None:
    """Let who is editor of a folder alone give a job no secret: its scripts could print any of them."""
    if not current().may(Role.EDITOR) and {one.name for one in definition.secrets} - {*held}:
        raise Forbidden("To give a job another secret needs the role editor for all folders.")


def _seconds(field: str, value: int) -> timedelta:
    try:
        return timedelta(seconds=value)
    except OverflowError:
        raise InvalidInput(field, "This is longer than any clock counts. Choose a smaller number.") from None


def _name_taken(name: str) -> NameTaken:
    return NameTaken("name", f"Another job is called {name!r}. Choose another name.")
