"""One wish for many jobs: what it would do, what it does, and what it tells, on both databases."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select

from services.ui.app import Parts
from services.ui.commands import bulk
from services.ui.models import JobFilter
from shared.db.engine import Database
from shared.db.tables import RequestRow
from tests.integration.ui.stage import a_job

ASKS = {"name": "day", "kind": "text", "required": True, "default": None}


async def names(parts: Parts, state: JobFilter | None = None) -> list[str]:
    return [job.name for job in (await parts.portal.queries.jobs(state=state)).items]


async def asked(client: httpx.AsyncClient, path: str, **body: Any) -> Any:
    response = await client.post(f"/api/v1/jobs/bulk{path}", json=body)
    response.raise_for_status()
    return response.json()


async def test_a_wish_is_done_job_by_job_and_says_what_it_could_not_do(
    client: httpx.AsyncClient, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    ids = [await a_job(parts, name=name) for name in "abcde"]
    await parts.portal.commands.pause(ids[0])
    nobody = uuid4()

    told = await asked(client, "", action="pause", ids=[str(one) for one in [*ids[:3], nobody, ids[4]]])

    assert told["done"] == [str(one) for one in (ids[1], ids[2], ids[4])]
    assert told["failed"] == [{"job_id": str(nobody), "why": "There is no such job."}]
    assert await names(parts, JobFilter.PAUSED) == ["a", "b", "c", "e"]
    await asked(client, "", action="resume", ids=told["done"])
    assert await names(parts, JobFilter.PAUSED) == ["a"]


async def test_deleting_can_be_undone_but_for_a_name_that_is_taken(
    client: httpx.AsyncClient, parts: Parts
) -> None:
    for name in "abc":
        await a_job(parts, name=name)

    gone = await asked(client, "", action="delete", filter={"q": "hello"}, expected=3)
    await a_job(parts, name="b")
    back = await asked(client, "", action="restore", ids=gone["done"])

    assert (len(gone["done"]), len(back["done"])) == (3, 2)
    assert [one["why"] for one in back["failed"]] == ["Another job is called 'b'. Choose another name."]
    assert await names(parts) == ["a", "b", "c"]


async def test_all_that_match_are_taken_only_while_they_are_as_many_as_expected(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    for name in ("night 1", "night 2", "day"):
        await a_job(parts, name=name)
    wish = {"action": "run", "filter": {"q": "night"}}
    preview = await asked(client, "/preview", **wish)
    await a_job(parts, name="night 3")

    blind = await client.post("/api/v1/jobs/bulk", json=wish)
    refused = await client.post("/api/v1/jobs/bulk", json={**wish, "expected": preview["count"]})
    told = await asked(client, "", **wish, expected=3)

    assert (preview["count"], preview["would"], preview["left_out"]) == (2, 2, [])
    assert (blind.status_code, blind.json()["field"]) == (422, "expected")
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "3 jobs match by now, not 2: the list has changed. Look at it again.",
    )
    assert len(told["done"]) == 3
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(RequestRow)) == 3


async def test_as_many_other_jobs_than_were_shown_are_not_touched(
    client: httpx.AsyncClient, parts: Parts
) -> None:
    shown, other = [await a_job(parts, name=name) for name in ("shown", "other")]
    await parts.portal.commands.pause(shown)
    wish = {"action": "delete", "filter": {"state": "paused"}}
    preview = await asked(client, "/preview", **wish)
    await parts.portal.commands.resume(shown)
    await parts.portal.commands.pause(other)

    seen = {"expected": preview["count"], "seen": preview["seen"]}
    refused = await client.post("/api/v1/jobs/bulk", json={**wish, **seen})

    assert (refused.status_code, refused.json().get("detail")) == (
        409,
        "Other jobs match by now than were shown: the list has changed. Look at it again.",
    )
    assert await names(parts) == ["other", "shown"]
    seen["seen"] = (await asked(client, "/preview", **wish))["seen"]
    assert (await asked(client, "", **wish, **seen))["done"] == [str(other)]


@pytest.mark.parametrize(
    ("action", "would", "why", "left"),
    [
        ("pause", 2, "Paused already.", ["paused"]),
        ("resume", 1, "Not paused.", ["asks", "plain"]),
        ("run", 2, "Asks for values: run it from its own page.", ["asks"]),
        ("delete", 3, "Deleted already.", ["gone"]),
    ],
)
async def test_a_preview_names_what_is_left_out(
    *, client: httpx.AsyncClient, parts: Parts, action: str, would: int, why: str, left: list[str]
) -> None:
    ids = [await a_job(parts, name="plain"), await a_job(parts, name="asks", parameters=(ASKS,))]
    ids += [await a_job(parts, name="paused"), await a_job(parts, name="gone")]
    await parts.portal.commands.pause(ids[2])
    await parts.portal.commands.delete(ids[3])

    told = await asked(client, "/preview", action=action, ids=[str(one) for one in ids])

    assert (told["count"], told["would"]) == (4, would)
    assert {one["why"]: one["names"] for one in told["left_out"]}[why] == left


async def test_a_wish_for_nothing_or_for_two_things_is_refused(client: httpx.AsyncClient) -> None:
    answers = [
        await client.post("/api/v1/jobs/bulk", json={"action": "pause", **which})
        for which in ({}, {"ids": [], "filter": {}}, {"ids": [str(uuid4())] * 5_001})
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 422]
