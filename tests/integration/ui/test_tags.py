"""Tags of jobs: given, listed, searched, given to many, and kept in the history; on both databases."""

from typing import Any

import httpx
import pytest

from services.ui.app import Parts
from tests.integration.ui.stage import a_draft, a_job


async def names(client: httpx.AsyncClient, **question: str) -> list[str]:
    return [job["name"] for job in (await client.get("/api/v1/jobs", params=question)).json()["items"]]


async def tagged(client: httpx.AsyncClient, job_id: object) -> list[str]:
    found: list[str] = (await client.get(f"/api/v1/jobs/{job_id}")).json()["tags"]
    return found


async def test_jobs_are_found_by_all_of_the_tags_asked_for(client: httpx.AsyncClient, parts: Parts) -> None:
    await a_job(parts, name="a", tags=("nightly", "billing", "billing"))
    await a_job(parts, name="b", tags=("nightly",))
    await a_job(parts, name="nightly by name")
    gone = await a_job(parts, name="d", tags=("nightly",))
    await parts.portal.commands.delete(gone)

    listed = (await client.get("/api/v1/jobs/tags")).json()["items"]

    assert listed == ["billing", "nightly"]
    assert await names(client, tag="nightly") == ["a", "b"]
    assert await names(client, tag="nightly,billing") == ["a"]
    assert await names(client, tag="nightly", q="b") == ["a", "b"]
    assert await names(client, tag="none") == []
    assert await names(client, q="nightly") == ["a", "b", "nightly by name"]


async def test_editing_replaces_tags_and_going_back_brings_them_again(
    client: httpx.AsyncClient, parts: Parts
) -> None:
    job_id = await a_job(parts, tags=("old", "kept"))
    await parts.portal.commands.edit_job(job_id, a_draft(tags=("kept", "new")), expected_version=1)

    assert (await tagged(client, job_id), await names(client, q="old")) == (["kept", "new"], [])

    untouched = {"version": 2, "description": "as it was"}
    (await client.patch(f"/api/v1/jobs/{job_id}", json=untouched)).raise_for_status()
    assert await tagged(client, job_id) == ["kept", "new"]
    back = await client.post(f"/api/v1/jobs/{job_id}/versions/1/restore", json={"version": 3})
    assert back.json()["tags"] == ["kept", "old"]


async def test_many_jobs_are_tagged_and_the_history_says_so(client: httpx.AsyncClient, parts: Parts) -> None:
    ids = [await a_job(parts, name=name) for name in "abc"]
    await a_job(parts, name="d", tags=("weekly",))

    async def asked(path: str = "", **body: Any) -> Any:
        answer = await client.post(f"/api/v1/jobs/bulk{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    preview = await asked("/preview", action="tag", tag="weekly", filter={})
    told = await asked(action="tag", tag="weekly", filter={}, expected=preview["count"])

    assert (preview["would"], preview["left_out"][0]["names"]) == (3, ["d"])
    assert told["done"] == [str(one) for one in ids]
    assert await names(client, q="weekly") == ["a", "b", "c", "d"]
    version = (await client.get(f"/api/v1/jobs/{ids[0]}/versions")).json()["items"][0]
    assert [one["field"] for one in version["changes"]] == ["tags"]
    await asked(action="untag", tag="weekly", filter={"tags": ["weekly"], "q": "a"}, expected=1)
    assert await names(client, tag="weekly") == ["b", "c", "d"]


@pytest.mark.parametrize("tags", [["Billing"], ["two words"], [""], ["x" * 41], [f"t{n}" for n in range(21)]])
async def test_what_cannot_be_a_tag_is_refused(client: httpx.AsyncClient, tags: list[str]) -> None:
    job = {"name": "a", "script": "hello.py", "schedule": {"kind": "manual"}, "tags": tags}

    answer = await client.post("/api/v1/jobs", json=job)

    assert (answer.status_code, answer.json()["field"]) == (422, "tags")


async def test_a_wish_without_its_tag_is_refused(client: httpx.AsyncClient) -> None:
    wishes = [{"action": "tag"}, {"action": "pause", "tag": "x"}, {"action": "untag", "tag": "X"}]

    answers = [await client.post("/api/v1/jobs/bulk", json={**wish, "ids": []}) for wish in wishes]

    assert [answer.status_code for answer in answers] == [422, 422, 422]
