"""Searches under names: one browser's own, seen by everybody who has the address; on both databases."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.ui.app import Parts
from tests.integration.ui.stage import a_client

FAILING = {"q": "billing", "state": "failing", "tag": "nightly,eu", "sort": "last"}


@pytest.fixture
async def other(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    """Another browser."""
    async with a_client(parts.portal) as opened:
        yield opened


async def kept(client: httpx.AsyncClient, name: str, **question: str) -> dict[str, Any]:
    answer = await client.post("/api/v1/me/views", json={"name": name, "question": question})
    answer.raise_for_status()
    view: dict[str, Any] = answer.json()
    return view


async def names(client: httpx.AsyncClient) -> list[str]:
    return [view["name"] for view in (await client.get("/api/v1/me/views")).json()["items"]]


async def test_a_view_is_ones_own_and_anybodys_to_look_at(
    client: httpx.AsyncClient, other: httpx.AsyncClient
) -> None:
    view = await kept(client, " to mend ", **FAILING)
    await kept(client, "All", sort="name")

    assert (await names(client), await names(other)) == (["All", "to mend"], [])
    seen = (await other.get(f"/api/v1/views/{view['id']}")).json()
    assert (seen["name"], seen["question"]) == ("to mend", FAILING)
    refused = await other.patch(f"/api/v1/me/views/{view['id']}", json={"name": "mine"})
    await other.delete(f"/api/v1/me/views/{view['id']}")
    assert (refused.status_code, await names(client)) == (404, ["All", "to mend"])


async def test_a_view_is_renamed_and_deleted(client: httpx.AsyncClient) -> None:
    await client.put("/api/v1/me", json={"theme": "dark"})
    view = await kept(client, "before", q="x")

    await client.patch(f"/api/v1/me/views/{view['id']}", json={"name": "after"})
    assert await names(client) == ["after"]
    assert (await client.get("/api/v1/me")).json()["theme"] == "dark"

    await client.delete(f"/api/v1/me/views/{view['id']}")
    assert await names(client) == []
    assert (await client.get(f"/api/v1/views/{view['id']}")).status_code == 404


async def test_what_no_view_can_be_is_refused(client: httpx.AsyncClient) -> None:
    bodies = [
        {"name": " ", "question": {}},
        {"name": "x" * 61, "question": {}},
        {"name": "x", "question": {"state": "odd"}},
        {"name": "x", "question": {"after": "x"}},
    ]
    answers = [await client.post("/api/v1/me/views", json=body) for body in bodies]

    assert [answer.status_code for answer in answers] == [422] * 4
    unknown = await client.patch(f"/api/v1/me/views/{uuid4()}", json={"name": "x"})
    assert unknown.status_code == 404
