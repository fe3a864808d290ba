"""What people make the portal do, over the API that pages share."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from services.ui.app import Parts
from services.ui.models import Person, Theme
from shared.db.engine import Database
from shared.db.tables import JobRow, RequestRow, ScheduleRow
from shared.domain.errors import NameTaken
from shared.domain.job import OnLost
from shared.domain.policy import Overlap
from shared.domain.run import Cause
from tests.integration.ui.stage import a_draft, a_run, run_rows

JOBS = "/api/v1/jobs"
MANUAL = {"kind": "manual"}
BODY = {"name": "hello", "script": "hello.py", "schedule": {"kind": "interval", "every_s": 10}}


async def rows_of(database: Database, table: type[Any]) -> list[Any]:
    async with database.reading() as session:
        return list(await session.scalars(select(table).order_by(table.id)))


async def created(client: httpx.AsyncClient, **changes: object) -> dict[str, Any]:
    answer = await client.post(JOBS, json={**BODY, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_job_is_stored_as_it_was_asked_for(client: httpx.AsyncClient) -> None:
    asked = {
        "name": " Nightly  ",
        "description": "counts",
        "args": ["--fast", ""],
        "timeout_s": 5,
        "kill_grace_s": 0,
        "on_lost": "retry",
        "overlap": "allow",
        "max_output_bytes": 1_000_000_000,
        "merge_output": True,
        "network": "none",
        "pinning": "record",
        "resources": {"memory_bytes": 256_000_000, "cpu_s": 60, "nice": 5},
        "min_sandbox": "isolated",
    }

    job = await created(client, **asked)

    assert job["name"] == "Nightly"
    assert {key: job[key] for key in asked if key != "name"} == {
        key: value for key, value in asked.items() if key != "name"
    }
    assert (job["version"], job["schedule_text"], job["recent"]) == (1, "Every 10 seconds", [])
    assert job["schedule"]["anchor"].endswith("Z")
    assert (await client.get(f"{JOBS}/{job['id']}")).json() == job


async def test_the_next_run_is_known_before_the_scheduler_has_looked(client: httpx.AsyncClient) -> None:
    job = await created(client)

    assert job["next_due_at"] is not None


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"name": "  "}, "name", "Give the job a name"),
        ({"name": "n" * 201}, "name", "at most 200"),
        ({"name": "a\u0000b"}, "name", ""),
        ({"name": "a\u202eb"}, "name", "invisible"),
        ({"name": "\ufdfa" * 30}, "name", "whole words"),
        ({"name": None}, "name", ""),
        ({"description": "a\u0000b"}, "description", "NUL"),
        ({"description": "d" * 4_001}, "description", "at most 4,000"),
        ({"resources": {"memory_bytes": 15_000_000}}, "memory_bytes", "between 16 MB and 1,000 GB"),
        ({"resources": {"cpu_s": "much"}}, "cpu_s", "or leave it empty"),
        ({"resources": {"nice": True}}, "nice", "or leave it empty"),
        ({"resources": {"gpus": 1}}, "resources", "gpus cannot be bounded"),
        ({"script": "helo.py"}, "script", "Did you mean hello.py?"),
        ({"script": "../hello.py"}, "script", ".."),
        ({"script": "/etc/passwd"}, "script", "relative"),
        ({"script": "hello.py\u0000"}, "script", "control character"),
        ({"script": ""}, "script", "Choose a script"),
        ({"schedule": {"kind": "interval", "every_s": 0}}, "every_s", "1 or more"),
        ({"schedule": {"kind": "interval", "every_s": -5}}, "every_s", "1 or more"),
        ({"schedule": {"kind": "interval", "every_s": 1.5}}, "every_s", "whole number"),
        ({"schedule": {"kind": "interval", "every_s": True}}, "every_s", "whole number"),
        ({"schedule": {"kind": "interval", "every_s": 10**30}}, "every_s", "too long"),
        ({"schedule": {"kind": "interval"}}, "every_s", "whole number"),
        ({"schedule": {"kind": "cron"}}, "schedule", "Type an expression"),
        ({"schedule": {"kind": "sometimes"}}, "schedule", "Choose interval, hourly"),
        ({"schedule": {}}, "schedule", ""),
        ({"schedule": None}, "schedule", ""),
        (
            {"schedule": {"kind": "interval", "every_s": 1, "anchor": "0001-01-01T00:00:00+14:00"}},
            "schedule",
            "too far",
        ),
        ({"schedule": {"kind": "interval", "every_s": 1, "anchor": "soon"}}, "schedule", "ISO 8601"),
        ({"timeout_s": 0}, "timeout_s", "between 1 and"),
        ({"timeout_s": 10**15}, "timeout_s", ""),
        ({"timeout_s": 10**30}, "timeout_s", ""),
        ({"kill_grace_s": -1}, "kill_grace_s", "between 0 and"),
        ({"on_lost": "shrug"}, "on_lost", ""),
        ({"max_output_bytes": 99_999}, "max_output_bytes", "between 100 KB and 1 GB"),
        ({"max_output_bytes": 1_000_000_001}, "max_output_bytes", "between 100 KB and 1 GB"),
        ({"args": ["a"] * 101}, "args", "at most 100"),
        ({"args": ["a\u0000"]}, "args", "NUL"),
        ({"pool": "No Pool"}, "pool", "lower-case"),
        ({"retries": 3}, "retries", ""),
    ],
)
async def test_a_bad_field_is_named_and_nothing_is_stored(
    client: httpx.AsyncClient, database: Database, changes: dict[str, object], field: str, says: str
) -> None:
    answer = await client.post(JOBS, json={**BODY, **changes})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"] == field
    assert says in answer.json()["detail"]
    assert await rows_of(database, JobRow) == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"name": "\\ud800"}', b"\xff"])
async def test_a_body_that_is_no_job_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post(JOBS, content=body, headers={"content-type": "application/json"})

    assert answer.status_code in {400, 422}
    assert answer.json()["status"] == answer.status_code


@pytest.mark.parametrize("name", ["hello", "HELLO", "\uff48\uff45\uff4c\uff4c\uff4f", " hello "])
async def test_a_name_is_taken_however_it_is_written(client: httpx.AsyncClient, name: str) -> None:
    await created(client)

    answer = await client.post(JOBS, json={**BODY, "name": name})

    assert (answer.status_code, answer.json()["field"]) == (409, "name")


async def test_of_two_who_take_a_name_at_once_one_gets_it(parts: Parts) -> None:
    commands = parts.portal.commands

    results = await asyncio.gather(
        *(commands.create_job(a_draft(name="one")) for _ in range(5)), return_exceptions=True
    )

    assert sorted(type(result).__name__ for result in results) == ["NameTaken"] * 4 + ["UUID"]


async def test_a_deleted_jobs_name_is_free_until_it_is_taken_again(client: httpx.AsyncClient) -> None:
    first = await created(client)
    deleted = await client.delete(f"{JOBS}/{first['id']}")

    second = await created(client)
    refused = await client.post(f"{JOBS}/{first['id']}/restore")
    await client.delete(f"{JOBS}/{second['id']}")
    restored = await client.post(f"{JOBS}/{first['id']}/restore")

    assert deleted.json()["deleted_at"] is not None
    assert (refused.status_code, refused.json()["field"]) == (409, "name")
    assert restored.json()["deleted_at"] is None
    assert restored.json()["name"] == "hello"


async def test_deleting_and_restoring_twice_changes_nothing_more(client: httpx.AsyncClient) -> None:
    job = await created(client)
    address = f"{JOBS}/{job['id']}"

    versions = [
        (await client.request(method, address + path)).json()["version"]
        for method, path in [("DELETE", ""), ("DELETE", ""), ("POST", "/restore"), ("POST", "/restore")]
    ]

    assert versions == [2, 2, 3, 3]


async def test_pausing_twice_is_pausing_once(client: httpx.AsyncClient) -> None:
    job = await created(client)
    address = f"{JOBS}/{job['id']}"

    answers = [(await client.post(f"{address}/{word}")).json() for word in ["pause", "pause", "resume"]]

    assert [answer["version"] for answer in answers] == [2, 2, 3]
    assert answers[0]["paused_at"] == answers[1]["paused_at"] is not None
    assert answers[0]["next_due_at"] is None
    assert answers[2]["paused_at"] is None


async def test_an_edit_changes_what_it_names_and_keeps_the_rest(client: httpx.AsyncClient) -> None:
    job = await created(client, description="old", args=["a"])

    answer = await client.patch(f"{JOBS}/{job['id']}", json={"version": 1, "description": "", "timeout_s": 7})

    changed = answer.json()
    assert answer.status_code == 200
    assert (changed["description"], changed["timeout_s"], changed["version"]) == ("", 7, 2)
    assert (changed["args"], changed["name"], changed["schedule"]) == (["a"], "hello", job["schedule"])


async def test_an_edit_of_an_older_version_is_a_conflict_and_changes_nothing(
    client: httpx.AsyncClient,
) -> None:
    job = await created(client)
    await client.patch(f"{JOBS}/{job['id']}", json={"version": 1, "description": "first"})

    answer = await client.patch(f"{JOBS}/{job['id']}", json={"version": 1, "description": "second"})

    assert (answer.status_code, answer.json()["field"]) == (409, "version")
    assert (await client.get(f"{JOBS}/{job['id']}")).json()["description"] == "first"


async def test_an_edit_may_keep_its_own_name_and_not_take_anothers(client: httpx.AsyncClient) -> None:
    job = await created(client)
    await created(client, name="other")

    own = await client.patch(f"{JOBS}/{job['id']}", json={"version": 1, "name": "Hello"})
    others = await client.patch(f"{JOBS}/{job['id']}", json={"version": 2, "name": "OTHER"})

    assert own.json()["name"] == "Hello"
    assert (others.status_code, others.json()["field"]) == (409, "name")


async def test_only_a_changed_rule_makes_a_new_schedule(
    client: httpx.AsyncClient, database: Database
) -> None:
    job = await created(client)
    same = {"version": 1, "schedule": {"kind": "interval", "every_s": 10}}

    await client.patch(f"{JOBS}/{job['id']}", json=same)
    kept = await rows_of(database, ScheduleRow)
    await client.patch(f"{JOBS}/{job['id']}", json={**same, "version": 2, "schedule": MANUAL})
    replaced = await rows_of(database, ScheduleRow)

    assert len(kept) == 1
    assert [row.retired_at is None for row in replaced] == [False, True]


async def test_a_new_interval_keeps_the_grid_of_the_old_one(client: httpx.AsyncClient) -> None:
    job = await created(client)
    anchor = job["schedule"]["anchor"]
    changed = {"version": 1, "schedule": {"kind": "interval", "every_s": 20}}

    answer = await client.patch(f"{JOBS}/{job['id']}", json=changed)

    assert answer.json()["schedule"] == {"kind": "interval", "every_s": 20, "anchor": anchor}


@pytest.mark.parametrize("word", ["pause", "resume", "run"])
async def test_a_deleted_job_is_left_in_peace(client: httpx.AsyncClient, word: str) -> None:
    job = await created(client)
    await client.delete(f"{JOBS}/{job['id']}")

    answer = await client.post(f"{JOBS}/{job['id']}/{word}")

    assert answer.status_code == 404
    assert "Restore it first" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/run"),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("POST", "/restore"),
    ],
)
async def test_what_does_not_exist_is_not_found(client: httpx.AsyncClient, method: str, path: str) -> None:
    body = {"version": 1} if method == "PATCH" else None

    unknown = await client.request(method, f"{JOBS}/{uuid4()}{path}", json=body)
    nonsense = await client.request(method, f"{JOBS}/nonsense{path}", json=body)

    assert unknown.status_code == 404
    assert nonsense.status_code in {404, 422}


async def test_run_now_is_a_row_while_the_broker_is_away(
    client: httpx.AsyncClient, database: Database
) -> None:
    job = await created(client, schedule=MANUAL)

    answer = await client.post(f"{JOBS}/{job['id']}/run")

    (request,) = await rows_of(database, RequestRow)
    assert answer.status_code == 202
    assert (str(request.run_id), request.cause, request.handled_at) == (
        answer.json()["run_id"],
        Cause.API,
        None,
    )


async def test_a_run_that_was_asked_for_can_be_opened_at_once(
    client: httpx.AsyncClient, database: Database
) -> None:
    job = await created(client, schedule=MANUAL)
    run_id = (await client.post(f"{JOBS}/{job['id']}/run")).json()["run_id"]

    waiting = (await client.get(f"/api/v1/runs/{run_id}")).json()
    log = (await client.get(f"/api/v1/runs/{run_id}/log")).json()
    await run_rows(database, a_run(UUID(job["id"]), 1, id=UUID(run_id)))
    planned = (await client.get(f"/api/v1/runs/{run_id}")).json()

    assert (waiting["state"], waiting["number"], waiting["job_name"]) == ("queued", None, "hello")
    assert (log["items"], log["next"]) == ([], None)
    assert (planned["state"], planned["number"]) == ("succeeded", 1)


async def test_preferences_are_kept_per_browser(client: httpx.AsyncClient) -> None:
    before = await client.get("/api/v1/me")
    saved = await client.put("/api/v1/me", json={"zone": "Europe/London", "theme": "dark"})
    cookie = saved.headers["set-cookie"]

    after = (await client.get("/api/v1/me")).json()
    client.cookies.clear()
    stranger = (await client.get("/api/v1/me")).json()

    defaults = {"zone": "Asia/Hong_Kong", "theme": "auto", "density": "comfortable", "language": "auto"}
    user = {"name": "local", "role": "admin", "grants": {}, "via": "local"}
    assert before.json() == stranger == {**defaults, "user": user}
    assert "set-cookie" not in before.headers
    assert after == {**defaults, "zone": "Europe/London", "theme": "dark", "user": user}
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


async def test_two_tabs_that_save_their_preferences_at_once_both_succeed(parts: Parts) -> None:
    browsers = [uuid4() for _ in range(10)]
    dark = Person(zone="UTC", theme=Theme.DARK)

    for browser in browsers:
        async with asyncio.TaskGroup() as tabs:
            for _ in range(4):
                tabs.create_task(parts.portal.commands.save_person(browser, dark))

    assert {await parts.portal.queries.person(browser) for browser in browsers} == {dark}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"zone": "Mars/Base"}, "zone"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"zone": "Asia"}, "zone"),
        ({"theme": "pink"}, "theme"),
        ({"density": "0"}, "density"),
        ({"language": "fr"}, "language"),
    ],
)
async def test_a_preference_that_is_none_is_refused(
    client: httpx.AsyncClient, body: dict[str, str], field: str
) -> None:
    answer = await client.put("/api/v1/me", json=body)

    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_commands_take_typed_drafts(parts: Parts) -> None:
    commands, queries = parts.portal.commands, parts.portal.queries
    job_id = await commands.create_job(a_draft(on_lost=OnLost.RETRY))

    version = await commands.edit_job(job_id, a_draft(overlap=Overlap.ALLOW), expected_version=1)

    job = await queries.job(job_id)
    assert (version, job.overlap, job.on_lost) == (2, Overlap.ALLOW, OnLost.FAIL)
    with pytest.raises(NameTaken):
        await commands.create_job(a_draft())
    assert job.created_at - parts.portal.clock.now() < timedelta(0)
