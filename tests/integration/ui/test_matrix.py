"""Every route and page for everybody: anonymous, expired, revoked, each role, and another folder's editor.

Written from the OpenAPI document, where each route names the role that it is for.
"""

import inspect
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.ui import app
from services.ui.access import acting
from services.ui.app import Parts
from services.ui.commands import Range
from services.ui.commands.alerts import ChannelDraft
from services.ui.commands.users import UserChange
from services.ui.many import BulkAction, Wish
from services.ui.portal import Portal
from services.ui.settings import UiSettings
from shared.db.engine import Database
from shared.domain.access import Role
from shared.domain.alert import AlertKind, AlertScope, ChannelKind, Rule
from shared.domain.errors import Forbidden, NotSignedIn
from shared.domain.ids import JobId, RunId
from shared.domain.parked import ParkedWish
from shared.domain.run import RunState
from tests.integration.ui.actors import a_session, a_token, a_user
from tests.integration.ui.stage import NOW, ClockFromNow, a_client, a_draft, a_job, a_run, by, run_rows

# Who may do what is asked of rows, and the same on every database.
pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)

DAY = timedelta(days=1)
PAGES = Path(app.__file__).parent / "pages"
LAST = ("DELETE", "/api/v1/me/sessions")
ROLES = ("viewer", "operator", "editor", "admin")
SHUT_OUT = {401, 403}
# What a body has to hold to be understood, where the answer is to come from the command.
BODIES: dict[str, dict[str, Any]] = {
    "POST /api/v1/jobs": {"name": "new", "script": "hello.py"},
    "PATCH /api/v1/jobs/{job_id}": {"version": 1, "description": "other"},
    "POST /api/v1/plan": {"document": "jobs: {new: {script: hello.py}}"},
    "POST /api/v1/apply": {"document": "jobs: {new: {script: hello.py}}"},
    "POST /api/v1/jobs/{job_id}/accept-script": {"sha256": "0" * 64},
    "POST /api/v1/jobs/{job_id}/versions/{version}/restore": {"version": 1},
    "POST /api/v1/alerts/channels": {"name": "new", "kind": "webhook"},
    "PUT /api/v1/alerts/channels/{channel_id}": {"name": "new", "kind": "webhook"},
    "POST /api/v1/alerts/rules": {"kind": "failed", "channels": []},
    "PUT /api/v1/alerts/rules/{rule_id}": {"kind": "failed", "channels": []},
    "POST /api/v1/jobs/{job_id}/backfill": {
        "after": "2026-01-01T00:00:00Z",
        "until": "2026-01-02T00:00:00Z",
    },
}
MANY = {"POST /api/v1/jobs/bulk", "POST /api/v1/runs/bulk"}
"""Answers job by job what it did not do."""


A_CHANNEL = ChannelDraft(name="new", kind=ChannelKind.WEBHOOK, address="https://elsewhere/")
Deed = Callable[[Portal, JobId, RunId], Coroutine[Any, Any, object]]
DEEDS: dict[str, Deed] = {
    "Commands.create_job": lambda to, job, run: to.commands.create_job(a_draft(name="new")),
    "Commands.edit_job": lambda to, job, run: to.commands.edit_job(job, a_draft(), expected_version=1),
    "Commands.revert_job": lambda to, job, run: to.commands.revert_job(job, a_draft(), 1, expected_version=1),
    "Commands.accept_script": lambda to, job, run: to.commands.accept_script(job, "0" * 64),
    "Commands.pause": lambda to, job, run: to.commands.pause(job),
    "Commands.resume": lambda to, job, run: to.commands.resume(job),
    "Commands.backfill": lambda to, job, run: to.commands.backfill(job, Range(after=NOW - DAY, until=NOW)),
    "Commands.delete": lambda to, job, run: to.commands.delete(job),
    "Commands.restore": lambda to, job, run: to.commands.restore(job),
    "Commands.run_now": lambda to, job, run: to.commands.run_now(job),
    "Commands.run_again": lambda to, job, run: to.commands.run_again(run),
    "Commands.create_calendar": lambda to, job, run: to.commands.create_calendar({}),
    "Commands.edit_calendar": lambda to, job, run: to.commands.edit_calendar(job, {}, expected_version=1),
    "Commands.delete_calendar": lambda to, job, run: to.commands.delete_calendar(job),
    "Controls.cancel": lambda to, job, run: to.controls.cancel(run),
    "Controls.cancel_waiting": lambda to, job, run: to.controls.cancel_waiting(job),
    "Controls.decide_parked": lambda to, job, run: to.controls.decide_parked(run, ParkedWish.DISCARD),
    "Controls.freeze": lambda to, job, run: to.controls.freeze(NOW + DAY),
    "Controls.lift_freeze": lambda to, job, run: to.controls.lift_freeze(),
    "Controls.pause_pool": lambda to, job, run: to.controls.pause_pool("default"),
    "Controls.resume_pool": lambda to, job, run: to.controls.resume_pool("default"),
    "Controls.set_limit": lambda to, job, run: to.controls.set_limit("key", 1),
    "Controls.forget_limit": lambda to, job, run: to.controls.forget_limit("key"),
    "Controls.drain": lambda to, job, run: to.controls.drain("north"),
    "Controls.resume_executor": lambda to, job, run: to.controls.resume_executor("north"),
    "Secrets.put": lambda to, job, run: to.secrets.put("NAME", "value"),
    "Secrets.delete": lambda to, job, run: to.secrets.delete("NAME"),
    "Mutes.mute": lambda to, job, run: to.mutes.mute(job, 60),
    "Mutes.unmute": lambda to, job, run: to.mutes.unmute(job),
    "Alerts.put_channel": lambda to, job, run: to.alerts.put_channel(None, A_CHANNEL),
    "Alerts.delete_channel": lambda to, job, run: to.alerts.delete_channel(job),
    "Alerts.try_channel": lambda to, job, run: to.alerts.try_channel(job),
    "Alerts.put_rule": lambda to, job, run: to.alerts.put_rule(a_rule(job), is_new=True),
    "Alerts.snooze_rule": lambda to, job, run: to.alerts.snooze_rule(job, 60),
    "Alerts.delete_rule": lambda to, job, run: to.alerts.delete_rule(job),
    "Uploads.store": lambda to, job, run: to.uploads.store("new.py", nothing()),
    "Files.plan": lambda to, job, run: to.files.plan("jobs: {new: {script: hello.py}}"),
    "Files.apply": lambda to, job, run: to.files.apply("jobs: {new: {script: hello.py}}"),
    "Users.all": lambda to, job, run: to.users.all(),
    "Users.seen": lambda to, job, run: to.users.seen(),
    "Users.create": lambda to, job, run: to.users.create("new", Role.ADMIN, {}),
    "Users.change": lambda to, job, run: to.users.change(job, UserChange(role=Role.ADMIN)),
    "Users.link": lambda to, job, run: to.users.link(job),
    "Users.setup_code": lambda to, job, run: to.users.setup_code(),
}
OWN = {
    *("Files.export", "Commands.save_person", "Tokens.of_all", "Tokens.make", "Tokens.revoke"),
    "Users.admins",
}
"""What everybody may do for themselves, and read."""
JOB_BY_JOB = {"Bulk.act", "Bulk.act_on_runs"}


def a_rule(job: JobId) -> Rule:
    return Rule(id=job, kind=AlertKind.FAILED, scope=AlertScope.JOB, job_id=job)


async def nothing() -> AsyncIterator[bytes]:
    yield b""


def routes_of(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, about in methods.items():
            yield method.upper(), path, about


def addressed(path: str, job_id: UUID, run_id: UUID) -> str:
    known = {"job_id": str(job_id), "run_id": str(run_id), "version": "1"}
    path = re.sub(r"\{(job_id|run_id|version)\}", lambda found: known[found[1]], path)
    path = re.sub(r"\{\w*_id\}", lambda _: str(uuid4()), path)
    return re.sub(r"\{[^}]*\}", "x", path)


@pytest.fixture
async def anybody(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(parts.portal, accept="application/json") as client:
        yield client


async def actors(parts: Parts) -> dict[str, dict[str, str]]:
    now = parts.portal.clock.now()
    users = {role: await a_user(parts, Role(role)) for role in ROLES}
    known = {role: await a_session(parts, user) for role, user in users.items()}
    admin = users["admin"]
    known["expired"] = await a_session(parts, admin, seen_at=now - timedelta(days=8))
    known["revoked"] = await a_token(parts, admin, Role.ADMIN, revoked_at=now)
    known["anonymous"] = {}
    known["stranger"] = {"authorization": "Bearer jtp_made-up"}
    elsewhere = await a_user(parts, Role.VIEWER, {"elsewhere": Role.EDITOR})
    # First, while there is something to change in another folder.
    return {"other folder": await a_session(parts, elsewhere), **known}


async def test_every_route_answers_everybody_as_it_says(
    parts: Parts, database: Database, anybody: httpx.AsyncClient
) -> None:
    job_id = await a_job(parts)
    run = a_run(job_id, state=RunState.QUEUED)
    await run_rows(database, run)
    known = await actors(parts)
    # Last what ends the session of who asks.
    routes = sorted(routes_of(app.machine_side(parts.portal).openapi()), key=lambda one: one[:2] == LAST)
    answers: dict[str, int] = {}
    wrong: list[str] = []
    for method, path, about in routes:
        for name, headers in known.items():
            is_real = name == "other folder" and "x-role-in" in about
            at = (job_id, run.id) if is_real else (uuid4(), uuid4())
            answer = await anybody.request(
                method,
                addressed(path, *at),
                headers=headers,
                json=None if method in {"GET", "DELETE"} else BODIES.get(f"{method} {path}", {}),
                params={"name": "hello.py"} if path == "/api/v1/scripts" else None,
            )
            answers[f"{name}: {method} {path}"] = answer.status_code
            if not is_right(answer.status_code, name, f"{method} {path}", about):
                wrong.append(f"{name}: {method} {path}: {answer.status_code} {answer.text[:80]}")

    assert wrong == []
    assert len(answers) == len(routes) * len(known) > 800


def is_right(status: int, name: str, route: str, about: dict[str, Any]) -> bool:
    """Say whether this is the answer: 401 to who is not known, 403 to who may not, else neither."""
    role = about.get("x-role")
    if role == "anybody":
        return status == 200
    if role not in ROLES or status >= 500:
        return False
    if name not in {*ROLES, "other folder"}:
        return status == 401
    if name == "other folder":
        may = role == "viewer" or route in MANY
    else:
        may = ROLES.index(name) >= ROLES.index(role)
    return status not in SHUT_OUT if may else status == 403


async def test_every_page_leads_who_is_not_known_to_the_door(
    parts: Parts, anybody: httpx.AsyncClient
) -> None:
    pages = [
        found[1]
        for path in PAGES.glob("*.py")
        for found in re.finditer(r'@ui\.page\("([^"]+)"\)', path.read_text("utf-8"))
    ]
    known = await actors(parts)
    doors = {}
    for page in pages:
        for name in ("anonymous", "expired", "revoked", "stranger", "viewer"):
            answer = await anybody.get(f"{addressed(page, uuid4(), uuid4())}?a=b", headers=known[name])
            doors[f"{name}: {page}"] = (answer.status_code, answer.headers.get("location", ""))

    assert len(pages) > 15
    # Behind the gate there is the API alone here: a page that is let through is not found.
    assert [one for one, (status, _) in doors.items() if one.startswith("viewer") and status != 404] == []
    turned = {one: said for one, said in doors.items() if not one.startswith("viewer")}
    assert {status for status, _ in turned.values()} == {303}
    assert all(to.startswith("/login?next=%2F") and to.endswith("%3Fa%3Db") for _, to in turned.values())


def test_every_command_is_known_here(parts: Parts) -> None:
    """What is missing is new: say who may do it, and demand it."""
    to = parts.portal
    classes = (
        to.commands,
        to.controls,
        to.secrets,
        to.mutes,
        to.alerts,
        to.bulk,
        to.uploads,
        to.files,
        to.users,
        to.tokens,
    )
    public = {
        f"{type(one).__name__}.{name}"
        for one in classes
        for name in dir(type(one))
        if not name.startswith("_") and inspect.iscoroutinefunction(getattr(type(one), name))
    }

    assert public == {*DEEDS} | OWN | JOB_BY_JOB


async def test_no_command_does_anything_for_who_may_not(parts: Parts, database: Database) -> None:
    job_id = await a_job(parts)
    run = a_run(job_id, state=RunState.QUEUED)
    await run_rows(database, run)
    done = []
    for name, deed in DEEDS.items():
        for who in (by("viv", Role.VIEWER), by("eve", Role.VIEWER, elsewhere=Role.EDITOR), acting(None)):
            with who:
                try:
                    await deed(parts.portal, job_id, RunId(run.id))
                except (Forbidden, NotSignedIn):
                    continue
            done.append(name)

    assert done == []


async def test_of_many_jobs_those_of_ones_folder_are_done_and_the_others_named(
    settings: UiSettings, database: Database, tmp_path: Path
) -> None:
    for name in ("hello.py", "finance/daily/close.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("print(1)")
    there = settings.model_copy(update={"scripts_dir": tmp_path})
    parts = app.compose(there, database, ClockFromNow())
    ours = await a_job(parts, name="ours", script="finance/daily/close.py")
    theirs = await a_job(parts, name="theirs")
    with by("fin", Role.VIEWER, finance=Role.EDITOR):
        told = await parts.portal.bulk.act(Wish(BulkAction.PAUSE), [ours, theirs])
        await parts.portal.commands.edit_job(
            ours, a_draft(name="ours", script="finance/daily/close.py"), expected_version=2
        )
        with pytest.raises(Forbidden):  # out of one's own folder
            await parts.portal.commands.edit_job(ours, a_draft(name="ours"), expected_version=3)

    assert told.done == (ours,)
    assert [(one.job_id, "scripts/" in one.why or "role operator" in one.why) for one in told.failed] == [
        (theirs, True)
    ]
