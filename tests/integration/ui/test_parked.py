"""Parked messages over the API that the page uses: what they say, and what people want done with them."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import select

from shared.db.engine import Database
from shared.db.tables import ParkedMessageRow, ParkedRequestRow
from shared.domain.ids import new_id
from shared.domain.parked import ParkedState, ParkedWish
from tests.integration.ui.stage import NOW, run_rows

API = "/api/v1/parked"


def a_parked(**changes: Any) -> ParkedMessageRow:
    body = changes.pop("body", b'{"type":"run.paused"}')
    values: dict[str, Any] = {
        "id": uuid4(),
        "state": ParkedState.PARKED,
        "queue": "portal.events.scheduler",
        "exchange": "portal.events",
        "routing_key": "run.finished",
        "reason": "unknown message type 'run.paused'",
        "message_id": "the one",
        "type": "run.paused",
        "source": "stranger",
        "correlation_id": "",
        "headers": {},
        "body": body,
        "body_bytes": len(body),
        "parked_at": NOW,
        "parked_count": 1,
        "put_back_count": 0,
    }
    return ParkedMessageRow(**{**values, **changes})


async def wishes(database: Database) -> list[tuple[UUID, ParkedWish]]:
    async with database.reading() as session:
        rows = await session.scalars(select(ParkedRequestRow).order_by(ParkedRequestRow.id))
        return [(row.parked_id, row.wish) for row in rows]


async def test_what_lies_there_is_listed_with_why_and_counts_as_a_notice(
    client: httpx.AsyncClient, database: Database
) -> None:
    older = a_parked(parked_at=NOW - timedelta(hours=1))
    gone = a_parked(state=ParkedState.DISCARDED, decided_by="ann", decided_at=NOW)
    await run_rows(database, older, newer := a_parked(), gone)

    listed = (await client.get(API)).json()

    assert [item["id"] for item in listed["items"]] == [str(one.id) for one in (newer, older, gone)]
    first = listed["items"][0]
    assert (first["reason"], first["text"]) == ("unknown message type 'run.paused'", '{"type":"run.paused"}')
    assert listed["lying"] == (await client.get("/api/v1/health")).json()["parked"] == 2


async def test_a_wish_is_stored_once_and_shown_until_it_is_fulfilled(
    client: httpx.AsyncClient, database: Database
) -> None:
    await run_rows(database, one := a_parked())

    answers = [await client.post(f"{API}/{one.id}/put-back") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["items"][0]["wish"] == "put_back"
    assert await wishes(database) == [(one.id, ParkedWish.PUT_BACK)]


async def test_why_a_wish_could_not_be_fulfilled_is_said(
    client: httpx.AsyncClient, database: Database
) -> None:
    one = a_parked()
    wish = ParkedRequestRow(
        id=new_id(),
        parked_id=one.id,
        wish=ParkedWish.PUT_BACK,
        requested_by="ann",
        requested_at=NOW,
        handled_at=NOW,
        outcome="refused: no queue takes it",
    )
    await run_rows(database, one, wish)

    (item,) = (await client.get(API)).json()["items"]

    assert (item["wish"], item["refusal"]) == (None, "no queue takes it")


async def test_what_cannot_be_done_is_refused(client: httpx.AsyncClient, database: Database) -> None:
    cut = a_parked(body_bytes=1_000_000)
    gone = a_parked(state=ParkedState.PUT_BACK)
    await run_rows(database, cut, gone)

    refused = [await client.post(f"{API}/{which}/put-back") for which in (uuid4(), gone.id, cut.id)]

    assert [answer.status_code for answer in refused] == [404, 409, 422]
    assert "Only the beginning" in refused[2].text
    assert (await client.post(f"{API}/{cut.id}/discard")).status_code == 202
