"""Jobs as files: exported, planned, applied all or nothing, and the same text again from an empty portal."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.cli import keyfile
from services.ui import app
from services.ui.app import Parts
from services.ui.documents.problems import UnfitDocument
from services.ui.settings import UiSettings
from shared.db.engine import Database, open_database
from shared.domain.access import Role
from shared.domain.errors import Forbidden
from shared.domain.ids import JobId
from tests.integration.ui.conftest import SCRIPTS
from tests.integration.ui.stage import NOWHERE, ClockFromNow, a_job, by

API = "/api/v1"
FILE = """
zone: Europe/Berlin
calendars:
  Holidays: {zone: Asia/Hong_Kong, dates: {2026-12-25: Christmas Day}}
limits: {db: 2}
jobs:
  Report:
    script: slow.py
    runs_after: {Load: success, Extract: always}
    join: any
  Load:
    script: hello.py
    args: [--rows, "5"]
    schedules: [0 2 * * MON-FRI, {kind: daily, at: 04:30, zone: UTC, args: [night]}]
    limit_key: db
    policy: {exclude: [Holidays], retries: 2}
    tags: [night]
  Extract: {script: chatty.py, paused: true, tags: [night]}
"""


async def asked(client: httpx.AsyncClient, what: str, document: str, **more: object) -> dict[str, Any]:
    response = await client.post(f"{API}/{what}", json={"document": document, **more})
    assert response.status_code == 200, response.text
    return response.json()


async def exported(client: httpx.AsyncClient, *names: str) -> str:
    response = await client.get(f"{API}/export", params={"name": names})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("application/yaml")
    return response.text


def said(plan: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    return [
        (one["action"], one["name"], [each["field"] for each in one["fields"]]) for one in plan["changes"]
    ]


@asynccontextmanager
async def a_portal(home: Path, migrated_home: Path) -> AsyncIterator[Parts]:
    """Another portal, on an empty SQLite database of its own."""
    shutil.copytree(migrated_home, home)
    settings = UiSettings(home=home, amqp_url=NOWHERE, ui_port=0, scripts_dir=SCRIPTS)
    async with open_database(settings) as database:
        yield app.compose(settings, database, ClockFromNow())


async def test_a_file_is_planned_applied_and_exported_as_it_was(
    client: httpx.AsyncClient, parts: Parts, tmp_path: Path, migrated_home: Path
) -> None:
    plan = await asked(client, "plan", FILE)
    assert (await client.get(f"{API}/jobs")).json()["items"] == []
    applied = await asked(client, "apply", FILE, seen=plan["seen"])

    assert said(applied) == said(plan)
    assert [name for _, name, _ in said(plan)] == ["Holidays", "db", "Report", "Load", "Extract"]
    again = await asked(client, "plan", FILE)
    assert (again["changes"], again["unchanged"]) == ([], 5)
    text = await exported(client)
    assert said(await asked(client, "apply", text)) == []
    assert await exported(client) == text
    async with a_portal(tmp_path / "other", migrated_home) as other:
        await other.portal.files.apply(text)
        assert await other.portal.files.export() == text
    assert yaml.safe_load(text)["jobs"]["Load"]["schedules"] == [
        {"kind": "cron", "expr": "0 2 * * MON-FRI", "zone": "Europe/Berlin"},
        {"kind": "daily", "at": "04:30", "zone": "UTC", "args": ["night"]},
    ]
    one = yaml.safe_load(await exported(client, "load"))
    assert (list(one["jobs"]), list(one["calendars"]), one["limits"]) == (["Load"], ["Holidays"], {"db": 2})


async def test_a_plan_says_field_by_field_what_changes_and_a_change_meanwhile_is_named(
    client: httpx.AsyncClient, parts: Parts
) -> None:
    await asked(client, "apply", FILE)
    changed = FILE.replace('[--rows, "5"]', '[--rows, "6"]').replace("retries: 2", "retries: 3")
    changed = changed.replace("{db: 2}", "{db: 4}").replace("  Report:", "  Summary:\n    was: Report")

    plan = await asked(client, "plan", changed)

    assert said(plan) == [
        ("change", "db", ["maximum"]),
        ("change", "Summary", ["name"]),
        ("change", "Load", ["args", "policy.retries"]),
    ]
    assert plan["changes"][2]["fields"][1] == {"field": "policy.retries", "before": 2, "after": 3}
    load = (await client.get(f"{API}/jobs", params={"q": "Load"})).json()["items"][0]
    await client.patch(f"{API}/jobs/{load['id']}", json={"version": load["version"], "timeout_s": 60})
    refused = await client.post(f"{API}/apply", json={"document": changed, "seen": plan["seen"]})
    assert refused.status_code == 409
    assert "since the plan was made: Load." in refused.json()["detail"]
    report = (await client.get(f"{API}/jobs", params={"q": "Report"})).json()["items"][0]
    await asked(client, "apply", changed)
    renamed = (await client.get(f"{API}/jobs", params={"q": "Summary"})).json()["items"][0]
    assert renamed["id"] == report["id"]
    assert (await asked(client, "plan", changed))["changes"] == []


async def test_a_file_with_one_wrong_job_changes_nothing_and_tells_all_that_is_wrong(
    client: httpx.AsyncClient,
) -> None:
    wrong = FILE.replace("script: slow.py", "script: sloow.py").replace("retries: 2", "retries: 900")
    wrong = (
        wrong.replace("0 2 * * MON-FRI", "0 2 30 2 *") + "  A: {script: hello.py, runs_after: {B: success}}\n"
    )
    wrong += "  B: {script: hello.py, secrets: {NOWHERE: file}}\n  C: {script: hello.py, timeout_s: soon}\n"

    answer = await client.post(f"{API}/apply", json={"document": wrong})

    assert answer.status_code == 422
    problems = {one["field"]: (one["line"], one["message"]) for one in answer.json()["problems"]}
    assert problems.keys() == {"jobs.Load.retries", "jobs.B.secrets", "jobs.C.timeout_s"}
    assert problems["jobs.Load.retries"][0] == 16
    assert "whole number" in problems["jobs.C.timeout_s"][1]
    assert "no secret NOWHERE" in problems["jobs.B.secrets"][1]
    assert (await client.get(f"{API}/jobs")).json()["items"] == []
    assert (await client.get(f"{API}/calendars")).json()["items"] == []

    circle = "jobs:\n  A: {script: hello.py, runs_after: {B: success}}\n"
    circle += "  B: {script: hello.py, runs_after: {A: success}}\n"
    answer = await client.post(f"{API}/plan", json={"document": circle})
    assert "start each other for ever" in answer.json()["detail"]


async def test_a_chain_is_turned_round_in_one_go(client: httpx.AsyncClient) -> None:
    forth = "jobs:\n  A: {script: hello.py}\n  B: {script: hello.py, runs_after: {A: success}}\n"
    back = "jobs:\n  B: {script: hello.py}\n  A: {script: hello.py, runs_after: {B: success}}\n"
    await asked(client, "apply", forth)

    await asked(client, "apply", back)

    jobs = yaml.safe_load(await exported(client))["jobs"]
    assert jobs == {"A": {"script": "hello.py", "runs_after": {"B": "success"}}, "B": {"script": "hello.py"}}


async def test_only_jobs_with_the_tag_are_pruned_and_a_pause_is_left_alone(
    client: httpx.AsyncClient, parts: Parts
) -> None:
    await asked(client, "apply", FILE)
    other = await a_job(parts, name="Mine")
    load = (await client.get(f"{API}/jobs", params={"q": "Load"})).json()["items"][0]
    load = JobId(UUID(load["id"]))
    await parts.portal.commands.pause(load)
    fewer = FILE[: FILE.index("  Extract: {")].replace(", Extract: always", "")

    plan = await asked(client, "plan", fewer, prune="night")
    assert said(plan)[-1] == ("delete", "Extract", [])
    await asked(client, "apply", fewer, prune="night", seen=plan["seen"])

    names = {one["name"]: one for one in (await client.get(f"{API}/jobs")).json()["items"]}
    assert names.keys() == {"Load", "Mine", "Report"}
    assert names["Load"]["paused_at"] is not None
    await asked(client, "apply", fewer.replace("    tags: [night]", "    tags: [night]\n    paused: false"))
    assert (await parts.portal.queries.job(load)).paused_at is None
    assert (await parts.portal.queries.job(other)).deleted_at is None


async def test_a_folders_editor_applies_what_lies_there_and_nothing_else(
    settings: UiSettings, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "finance").mkdir()
    for name in ("hello.py", "finance/close.py"):
        (tmp_path / name).write_text("print(1)")
    parts = app.compose(settings.model_copy(update={"scripts_dir": tmp_path}), database, ClockFromNow())
    files = parts.portal.files
    await files.apply(
        "jobs:\n  Close: {script: finance/close.py, tags: [f]}\n  Other: {script: hello.py, tags: [f]}"
    )

    with by("fin", Role.VIEWER, finance=Role.EDITOR):
        mine = "jobs:\n  Close: {script: finance/close.py, timeout_s: 60, tags: [f]}\n"
        applied = await files.apply(mine)
        refused = [
            (f"{mine}  Other: {{script: hello.py, timeout_s: 60, tags: [f]}}\n", None),  # somebody else's
            (f"{mine}  Other: {{script: finance/close.py, tags: [f]}}\n", None),  # taken into the own folder
            ("jobs:\n  Close: {script: hello.py, tags: [f]}\n", None),  # out of it
            (mine, "f"),  # deletes another one
            (f"limits: {{db: 2}}\n{mine}", None),
            (f"calendars: {{H: {{zone: UTC, dates: [2026-12-25]}}}}\n{mine}", None),
            (f"{mine}  New: {{script: finance/close.py, paused: true, secrets: {{DB: file}}}}\n", None),
        ]
        for text, prune in refused:
            with pytest.raises(Forbidden):
                await files.plan(text, prune=prune)
            with pytest.raises(Forbidden):
                await files.apply(text, prune=prune)

    assert [one.name for one in applied.changes] == ["Close"]
    (change,) = [one for one in (await parts.portal.history.activity()).items if one.by == "fin"]
    assert change.subject == "Close"


CALENDARS = {"Holidays": {"zone": "UTC", "dates": ["2026-12-25"]}}
NAMES = st.text(st.sampled_from("ab :#'é第-"), min_size=1, max_size=6)
TIMES = st.times().map(lambda at: f"{at:%H:%M}")
DAYS = st.lists(st.sampled_from(["mon", "sun"]), min_size=1)
SCHEDULES = st.one_of(
    st.sampled_from(["0 9 * * MON-FRI", "H H * * *", "@daily", "*/7 * * * *", "0 0 L * *", "H/15 * * * *"]),
    st.builds(
        lambda at, n: {"kind": "daily", "at": at, "every": n, "start": "2026-12-01"}, TIMES, st.integers(1, 9)
    ),
    st.builds(lambda at, days: {"kind": "weekly", "at": at, "days": days}, TIMES, DAYS),
    st.builds(lambda at, day: {"kind": "monthly", "at": at, "day": day}, TIMES, st.integers(1, 31)),
    st.builds(lambda at: {"kind": "monthly", "at": at, "day": "last"}, TIMES),
    st.builds(lambda s: {"kind": "interval", "every_s": s}, st.integers(1, 10**6)),
    st.builds(lambda m: {"kind": "hourly", "minute": m, "zone": "Asia/Tokyo"}, st.integers(0, 59)),
    st.builds(lambda args: {"kind": "cron", "expr": "H 4 * * *", "args": args}, st.lists(NAMES, max_size=2)),
)
PARAMETERS = st.one_of(
    st.builds(lambda d: {"name": "rows", "kind": "number", "default": d}, st.floats(-1e6, 1e6)),
    st.builds(lambda d: {"name": "why", "kind": "text", "default": d, "help": "as you like"}, NAMES),
    st.just({"name": "pin", "kind": "secret", "label": "PIN: 4 digits"}),
    st.just({"name": "really", "kind": "flag", "default": False}),
)
ARGUMENTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
ENTRY = st.fixed_dictionaries(
    {"script": st.sampled_from(["hello.py", "slow.py"])},
    optional={
        "description": st.text(st.sampled_from("ab :#'\"\n\t第"), max_size=20),
        "paused": st.just(True),
        "args": st.lists(ARGUMENTS, max_size=3),
        "schedules": st.lists(SCHEDULES, max_size=3),
        "parameters": st.lists(PARAMETERS, max_size=1),
        "tags": st.lists(st.sampled_from(["a", "b:c", "1"]), max_size=2),
        "timeout_s": st.integers(1, 604_800),
        "on_lost": st.sampled_from(["fail", "retry"]),
        "overlap": st.sampled_from(["skip", "allow", "queue-all"]),
        "limit_key": st.sampled_from(["db", "1"]),
        "policy": st.fixed_dictionaries(
            {},
            optional={
                "retries": st.integers(0, 9),
                "retry_factor": st.floats(1, 10),
                "starts_at": st.just("2026-12-01T00:00:00Z"),
                "keep_days": st.integers(1, 99),
                "exclude": st.just(["Holidays"]),
                "on_missed": st.sampled_from(["all", "latest"]),
            },
        ),
        "merge_output": st.booleans(),
        "network": st.sampled_from(["host", "none"]),
        "pinning": st.sampled_from(["record", "strict"]),
        "resources": st.dictionaries(st.sampled_from(["processes", "cpu_s"]), st.integers(1, 99), max_size=2),
        "min_sandbox": st.sampled_from(["any", "restricted"]),
        "secrets": st.dictionaries(st.sampled_from(["DB", "KEY"]), st.sampled_from(["variable", "file"])),
    },
)


def test_any_definition_is_exported_applied_and_exported_the_same(
    tmp_path: Path, migrated_home: Path
) -> None:
    taken = []

    async def round_trip(one: Parts, two: Parts, jobs: dict[str, Any], later: dict[str, Any]) -> None:
        for parts in (one, two):
            for job in (await parts.portal.queries.jobs(limit=200)).items:
                await parts.portal.commands.delete(JobId(job.id))
        try:
            await one.portal.files.apply(yaml.safe_dump({"calendars": CALENDARS, "jobs": jobs}))
            await one.portal.files.apply(yaml.safe_dump({"jobs": later}))
        except UnfitDocument:
            return
        text = await one.portal.files.export()
        assert (await one.portal.files.plan(text)).changes == ()
        await two.portal.files.apply(text)
        assert await two.portal.files.export() == text
        assert (await two.portal.files.plan(text)).changes == ()
        taken.append(len(jobs | later))

    async def opened(stack: AsyncExitStack, name: str) -> Parts:
        parts = await stack.enter_async_context(a_portal(tmp_path / name, migrated_home))
        keyfile.write(tmp_path / name / "secrets" / "secrets.key", [keyfile.new_key()])
        for secret in ("DB", "KEY"):
            await parts.portal.secrets.put(secret, "value")
        return parts

    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        one, two = (runner.run(opened(stack, name)) for name in ("one", "two"))

        @settings(max_examples=20, suppress_health_check=list(HealthCheck))
        @given(
            jobs=st.dictionaries(NAMES, ENTRY, max_size=3), later=st.dictionaries(NAMES, ENTRY, max_size=1)
        )
        def examples(jobs: dict[str, Any], later: dict[str, Any]) -> None:
            runner.run(round_trip(one, two, jobs, later))

        try:
            examples()
        finally:
            runner.run(stack.aclose())
    assert sum(taken) > 5
