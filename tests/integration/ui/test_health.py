"""That all who speak of health say the same: /readyz, the one object of the pages, the executors."""

import itertools

import httpx
import pytest
from sqlalchemy import delete

from shared.db.engine import Database
from shared.db.tables import ExecutorRow, HoldRow
from shared.domain.holds import HoldKind
from shared.domain.ids import new_id
from tests.integration.ui.stage import NOW, an_executor, run_rows

# The executors' words, as the page chooses them from what the list says (`keyOf` in executors_table.js).
ONE = tuple(itertools.product((True, False), (True, False), (True, False), ((), ("its disk is full",))))


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_health_and_the_list_of_executors_never_contradict(
    client: httpx.AsyncClient, database: Database
) -> None:
    for first, second in itertools.product(ONE, (*ONE[:4], None)):
        await stands(database, first, second)

        health = (await client.get("/api/v1/health")).json()
        ready = await client.get("/readyz")
        items = (await client.get("/api/v1/executors")).json()["items"]

        troubled = [one["name"] for one in items if word(one) == "troubled"]
        assert health["ailing"] == troubled, (first, second)
        assert health["executors_online"] == sum(one["online"] for one in items), (first, second)
        assert (health["state"] == "ok") == (health["sentence"] == "")
        assert (ready.status_code == 200, ready.json()["ready"]) == (health["state"] != "down",) * 2
        assert ready.json()["facts"]["title"] == health["title"]


async def stands(database: Database, *executors: tuple[bool, bool, bool, tuple[str, ...]] | None) -> None:
    async with database.ledger.begin() as session:
        await session.execute(delete(ExecutorRow))
        await session.execute(delete(HoldRow))
    for name, one in zip(("north", "south"), executors, strict=True):
        if one is None:
            continue
        online, draining, drained, problems = one
        row = an_executor(name, online=online, draining=draining, problems=list(problems))
        await run_rows(database, row, *([a_drain(name)] if drained else []))


def a_drain(name: str) -> HoldRow:
    held = {"kind": HoldKind.DRAIN, "subject": name, "open_key": f"drain:{name}"}
    return HoldRow(
        id=new_id(), begun_at=NOW, begun_by="ann", ends_at=None, lifted_at=None, lifted_by=None, **held
    )


def word(one: dict[str, object]) -> str:
    if not one["online"]:
        return "left" if one["draining"] else "offline"
    if not one["draining"] and not one["drained_at"]:
        return "troubled" if one["problems"] else "online"
    return "draining"
