"""The versions of jobs, and what people did."""

import httpx
from sqlalchemy import delete, update

from services.cli import keyfile
from services.ui.app import Parts
from services.ui.settings import UiSettings
from shared.db.changes import KEPT
from shared.db.engine import Database
from shared.db.tables import ChangeRow, JobRow
from tests.integration.ui.stage import by
from tests.integration.ui.test_commands import BODY, JOBS, created


async def versions(client: httpx.AsyncClient, job: str, **query: object) -> list[dict[str, object]]:
    answer = await client.get(f"{JOBS}/{job}/versions", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, object]] = answer.json()["items"]
    return items


async def edited(client: httpx.AsyncClient, job: str, version: int, **changes: object) -> dict[str, object]:
    answer = await client.patch(f"{JOBS}/{job}", json={"version": version, **changes})
    assert answer.status_code == 200, answer.text
    after: dict[str, object] = answer.json()
    return after


async def test_every_change_of_a_job_is_a_version_that_says_what_and_by_whom(
    client: httpx.AsyncClient,
) -> None:
    job = (await created(client, policy={"keep_days": 5}))["id"]
    await edited(client, job, 1, timeout_s=60, policy={"keep_days": 9}, args=["--fast"])
    await client.post(f"{JOBS}/{job}/pause")
    await client.post(f"{JOBS}/{job}/resume")
    await edited(client, job, 4, schedule={"kind": "manual"})
    await client.delete(f"{JOBS}/{job}")
    await client.post(f"{JOBS}/{job}/restore")

    told = await versions(client, job)

    assert [(one["version"], one["kind"], one["by"]) for one in told] == [
        (7, "job-restored", "local"),
        (6, "job-deleted", "local"),
        (5, "job-edited", "local"),
        (4, "job-resumed", "local"),
        (3, "job-paused", "local"),
        (2, "job-edited", "local"),
        (1, "job-created", "local"),
    ]
    assert told[5]["changes"] == [
        {"field": "args", "before": [], "after": ["--fast"]},
        {"field": "timeout_s", "before": 300, "after": 60},
        {"field": "policy.keep_days", "before": 5, "after": 9},
    ]
    before, after = told[2]["changes"][0]["before"], told[2]["changes"][0]["after"]  # type: ignore[index]
    assert [one["schedule"]["kind"] for one in (*before, *after)] == ["interval", "manual"]
    assert [one["is_definition"] for one in told] == [False, False, True, False, False, True, True]


async def test_a_job_goes_back_to_what_it_was_and_keeps_its_unchanged_schedule(
    client: httpx.AsyncClient,
) -> None:
    first = await created(client, parameters=[{"name": "rows", "kind": "number", "default": 5}])
    job = first["id"]
    await edited(client, job, 1, name="Renamed", timeout_s=60, parameters=[], resources={"cpu_s": 9})

    stale = await client.post(f"{JOBS}/{job}/versions/1/restore", json={"version": 1})
    back = await client.post(f"{JOBS}/{job}/versions/1/restore", json={"version": 2})

    assert (stale.status_code, back.status_code) == (409, 200)
    kept = ("name", "timeout_s", "parameters", "resources", "schedules")
    assert {key: back.json()[key] for key in kept if key != "schedules"} == {
        key: first[key] for key in kept if key != "schedules"
    }
    assert [one["id"] for one in back.json()["schedules"]] == [one["id"] for one in first["schedules"]]
    newest = (await versions(client, job))[0]
    assert (newest["version"], newest["kind"], newest["detail"]) == (3, "job-reverted", "to version 1")
    assert (await client.get(f"{JOBS}/{job}/versions/1")).json()["name"] == BODY["name"]


async def test_who_edits_an_old_version_is_told_what_became_of_it(client: httpx.AsyncClient) -> None:
    job = (await created(client))["id"]
    await edited(client, job, 1, timeout_s=60)

    refused = await client.patch(f"{JOBS}/{job}", json={"version": 1, "timeout_s": 90})
    since = await client.get(f"{JOBS}/{job}/changes", params={"since": 1})
    unknown = await client.get(f"{JOBS}/{job}/versions/0")

    assert refused.status_code == 409
    assert since.json() == [{"field": "timeout_s", "before": 300, "after": 60}]
    assert unknown.status_code == 422


async def test_a_job_that_is_older_than_its_history_begins_it_with_how_it_was(
    client: httpx.AsyncClient, database: Database
) -> None:
    job = (await created(client))["id"]
    async with database.ledger.begin() as session:
        await session.execute(delete(ChangeRow))
    nothing = await versions(client, job)
    await edited(client, job, 1, timeout_s=60)

    told = await versions(client, job)

    assert nothing == []
    assert [(one["version"], one["kind"]) for one in told] == [(2, "job-edited"), (1, "job-known")]
    assert told[0]["changes"] == [{"field": "timeout_s", "before": 300, "after": 60}]
    kinds = [one["kind"] for one in (await client.get("/api/v1/activity")).json()["items"]]
    assert kinds == ["job-edited"]


async def test_what_people_did_is_listed_page_by_page_and_once(
    client: httpx.AsyncClient, parts: Parts, settings: UiSettings
) -> None:
    keyfile.write(settings.home / "secrets" / "secrets.key", [keyfile.new_key()])
    job = (await created(client))["id"]
    controls, commands = parts.portal.controls, parts.portal.commands
    await edited(client, job, 1, timeout_s=60)
    with by("ann"):
        await controls.pause_pool("heavy")
    with by("bob"):
        await controls.pause_pool("heavy")
    with by("ann"):
        await controls.resume_pool("heavy")
    with by("ann"):
        await controls.set_limit("warehouse", 2)
    calendar = await commands.create_calendar(
        {"name": "Days off", "kind": "dates", "dates": [{"on": "2026-12-25", "label": ""}], "zone": "UTC"}
    )
    await commands.delete_calendar(calendar)
    await client.put("/api/v1/secrets/DB_PASSWORD", json={"value": "s3cret-value"})

    found: list[dict[str, object]] = []
    after: str | None = None
    while True:
        query = {"limit": 2} | ({} if after is None else {"after": after})
        page = (await client.get("/api/v1/activity", params=query)).json()
        found += page["items"]
        after = page["next"]
        if after is None:
            break

    assert [(one["kind"], one["subject"], one["by"]) for one in found] == [
        ("secret-stored", "DB_PASSWORD", "local"),
        ("calendar-deleted", "Days off", "local"),
        ("calendar-created", "Days off", "local"),
        ("limit-set", "warehouse", "ann"),
        ("pool-resumed", "heavy", "ann"),
        ("pool-paused", "heavy", "ann"),
        ("job-edited", "hello", "local"),
        ("job-created", "hello", "local"),
    ]
    assert (found[-2]["changed"], found[-2]["version"]) == (["timeout_s"], 2)
    assert "s3cret-value" not in str(found)


async def test_of_a_job_that_a_program_changes_again_and_again_the_newest_versions_are_kept(
    client: httpx.AsyncClient, database: Database
) -> None:
    job = (await created(client))["id"]
    async with database.ledger.begin() as session:
        await session.execute(update(JobRow).values(version=KEPT))
    for _ in range(2):
        await client.post(f"{JOBS}/{job}/pause")
        await client.post(f"{JOBS}/{job}/resume")
    paused = await versions(client, job)
    await edited(client, job, KEPT + 4, timeout_s=60)
    await client.post(f"{JOBS}/{job}/pause")

    after = await versions(client, job)

    # As long as nothing newer says how the job is defined, what does is kept.
    assert [one["version"] for one in paused] == [KEPT + 4, KEPT + 3, KEPT + 2, KEPT + 1, 1]
    assert [one["version"] for one in after] == [KEPT + 6, KEPT + 5, KEPT + 4, KEPT + 3, KEPT + 2, KEPT + 1]
