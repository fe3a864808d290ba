"""Any part of a log by its numbers: the same lines however it was cut, and whatever came out of order."""

import random
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import delete, update

from services.ui import lines
from services.ui.app import Parts
from services.ui.lines import plain
from services.ui.queries import log_index, log_lines
from services.ui.queries.log_index import CUT
from shared.db.engine import Database
from shared.db.tables import AttemptRow, LogChunkRow
from shared.domain.ids import AttemptId
from shared.domain.run import RunState
from tests.integration.ui.stage import a_job, a_run, an_attempt, run_rows
from tests.integration.ui.test_reading import chunks

OUT = (
    "one\n\x1b[31mred\nstill red\x1b[0m\r\n 5%\r50%\r\x1b[32m100%\x1b[m\n\n"
    "::group::build it\nmade \u65e9\u5b89\n" + ("x" * 70 + "\n") * 40 + "::endgroup::\nwithout an end"
)
ERRORS = "bad\nprompt: " + "".join(f"\r{at} %" for at in range(300)) + "\nWORSE \uff21\n"


def cut(random_: random.Random, most: int) -> list[tuple[str, str]]:
    """Cut both streams into pieces of up to `most` characters and mix them."""
    left = {"stdout": OUT, "stderr": ERRORS}
    pieces = []
    while left:
        stream = random_.choice(list(left))
        size = random_.randint(1, most)
        pieces.append((stream, left[stream][:size]))
        left[stream] = left[stream][size:]
        left = {name: text for name, text in left.items() if text}
    return pieces


def lines_of(pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Say slowly which lines there are, by where they begin."""
    lines: list[list[str]] = []
    open_line: dict[str, list[str]] = {}
    for stream, text in pieces:
        for char in text:
            if stream not in open_line:
                open_line[stream] = [stream, ""]
                lines.append(open_line[stream])
            if char == "\n":
                open_line.pop(stream)
            else:
                open_line[stream][1] += char
    return [(stream, text.rstrip("\r").rpartition("\r")[2]) for stream, text in lines]


async def a_log(parts: Parts, database: Database, pieces: list[tuple[str, str]]) -> tuple[str, UUID]:
    run = a_run(await a_job(parts), state=RunState.FAILED)
    attempt = an_attempt(run, last_seq=len(pieces))
    await run_rows(database, run)
    await run_rows(database, attempt)
    await chunks(database, attempt.id, *((seq, *piece) for seq, piece in enumerate(pieces, 1)))
    return f"/api/v1/runs/{run.id}/log", attempt.id


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("seed", "most"), [(1, 5), (2, 90), (3, 900), (4, 9_000)])
async def test_lines_have_the_same_numbers_wherever_one_begins_to_read(
    client: httpx.AsyncClient,
    parts: Parts,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    most: int,
) -> None:
    random_ = random.Random(seed)
    monkeypatch.setattr(log_index, "BLOCK_BYTES", 200)
    monkeypatch.setattr(log_index, "BLOCK_LINES", 3)
    monkeypatch.setattr(log_lines, "_SEARCHED_BYTES", 1_000)
    monkeypatch.setattr(log_lines, "_BATCH", 16)
    pieces = cut(random_, most)
    truth = lines_of(pieces)
    errors = [text for stream, text in truth if stream == "stderr"]
    address, _ = await a_log(parts, database, pieces)

    async def ask(path: str = "lines", **query: Any) -> Any:
        return (await client.get(f"{address}/{path}", params=query)).raise_for_status().json()

    whole = await ask(tail=True, limit=1_000)
    assert [(line[0], line[2], plain(line[5])) for line in whole["items"]] == [
        (number, stream, plain(text)) for number, (stream, text) in enumerate(truth, 1)
    ]
    assert (whole["lines"], whole["errors"], whole["whole"]) == (len(truth), len(errors), True)
    for _ in range(8):
        first, limit = random_.randint(1, len(truth)), random_.randint(1, 40)
        part = await ask(**{"from": first}, limit=limit)
        assert part["items"] == whole["items"][first - 1 : first - 1 + limit]
    assert (await ask(**{"from": -2}))["items"] == whole["items"][-2:]
    of_errors = [line for line in whole["items"] if line[2] == "stderr"]
    assert (await ask(stream="stderr"))["items"] == of_errors
    assert (await ask(stream="stderr", **{"from": 2}, limit=1))["items"] == of_errors[1:2]
    assert [line[4] for line in whole["items"] if line[5] == "still red\x1b[0m"] == ["\x1b[31m"]
    assert {line[4] for line in whole["items"] if line[5].startswith("xx")} == {""}
    for needle, wanted in (
        ("xX", 40),
        ("\u65e9", 1),
        ("\uff41", 1),
        ("299 %", 1),
        ("298 %", 0),
        ("an end", 1),
    ):
        hits, at = [], 1
        while True:
            found = await ask("search", q=needle, **{"from": at})
            hits += found["items"]
            if not found["more"]:
                break
            assert found["next"] > at
            at = found["next"]
        where = [n for n, (_, text) in enumerate(truth, 1) if needle.lower() in plain(text).lower()]
        assert [hit[0] for hit in hits] == where
        assert len(where) == wanted
    (group,) = whole["tail"]["groups"]
    assert group["name"] == "build it"
    assert truth[group["first"] - 1][1] == "::group::build it"
    assert truth[group["last"] - 1][1] == "::endgroup::"
    inside = truth[group["first"] : group["last"]]
    assert group["errors"] == [stream for stream, _ in inside].count("stderr")


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_line_that_comes_in_many_pieces_is_read_with_its_end_and_not_with_each_of_them(
    client: httpx.AsyncClient, parts: Parts, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = [*(("stdout", f"\x1b[31mpiece {number} ") for number in range(400)), ("stdout", "needle\nend\n")]
    looked_at: list[int] = []

    def counted(module: Any, name: str) -> None:
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda text: looked_at.append(len(text)) or real(text))

    counted(lines, "settle")
    counted(log_lines, "plain")
    address, _ = await a_log(parts, database, pieces)

    found = (await client.get(f"{address}/search", params={"q": "needle"})).json()
    whole = (await client.get(f"{address}/lines", params={"full": True})).json()

    text = "".join(text for _, text in pieces)
    assert [hit[0] for hit in found["items"]] == [1]
    assert [line[5] for line in whole["items"]] == text.splitlines()
    # Counted, found, and read for its own sake: each a few times, however many pieces there are.
    assert len(text) < sum(looked_at) < 20 * len(text)


async def test_a_log_is_numbered_up_to_what_is_missing_until_nothing_more_can_come(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    run = a_run(await a_job(parts), state=RunState.RUNNING)
    attempt = an_attempt(run)
    await run_rows(database, run)
    await run_rows(database, attempt)
    address = f"/api/v1/runs/{run.id}/log/lines"

    async def stored(*pieces: tuple[int, str, str]) -> tuple[list[str], int, int]:
        if pieces:
            await chunks(database, attempt.id, *pieces)
        page = (await client.get(address, params={"tail": True})).json()
        return [line[5] for line in page["items"]], page["tail"]["seq"], page["missing"]

    assert await stored((1, "stdout", "a\nb"), (2, "stderr", "c\n"), (4, "stdout", "f\n")) == (
        ["a", "b", "c"],
        2,
        0,
    )
    await chunks(database, attempt.id, (3, "stdout", "d\ne"))
    part = (await client.get(address, params={"from": 2, "limit": 3})).json()["items"]
    assert [line[5] for line in part] == ["bd", "c", "ef"]
    assert await stored() == (["a", "bd", "c", "ef"], 4, 0)
    assert await stored((6, "stdout", "h\n")) == (["a", "bd", "c", "ef"], 4, 0)
    async with database.ledger.begin() as session:
        await session.execute(update(AttemptRow).values(last_seq=6))
    assert await stored() == (["a", "bd", "c", "ef", "h"], 6, 1)
    assert await stored((5, "stderr", "g\n")) == (["a", "bd", "c", "ef", "g", "h"], 6, 0)
    async with database.logs.begin() as session:
        await session.execute(delete(LogChunkRow))
    assert await stored() == ([], 0, 0)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_line_that_no_page_draws_is_cut_unless_all_of_it_is_asked_for(
    client: httpx.AsyncClient, parts: Parts, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_index, "_MOST_FAR", 1)  # room to remember what begins the first one
    monkeypatch.setattr(log_lines, "_MOST_FULL", 1_000_000)
    monkeypatch.setattr(log_lines, "_SEARCHED_BYTES", 500_000)
    long = "begin" + "z" * 1_000_000 + "end"
    pieces = [long[at : at + 32_768] for at in range(0, len(long), 32_768)]
    other = ("stderr", "beside it\n")
    address, _ = await a_log(
        parts,
        database,
        [
            *[("stdout", one) for one in pieces],
            other,
            ("stdout", "\n"),
            *[("stdout", one) for one in pieces],
            ("stdout", "\n"),
        ],
    )

    async def ask(path: str = "lines", **query: Any) -> Any:
        return (await client.get(f"{address}/{path}", params=query)).raise_for_status().json()

    cut = (await ask())["items"]
    assert [(line[0], line[5], line[6]) for line in cut] == [
        (1, long[:CUT], len(long)),
        (2, "beside it", 9),
        (3, long[:CUT], len(long)),
    ]
    # What is asked for whole comes as far as there is room.
    assert [line[5] for line in (await ask(full=True))["items"]] == [long]
    assert [line[5] for line in (await ask(full=True, **{"from": 2}))["items"]] == ["beside it", long]
    hits, at = [], 1
    while True:
        found = await ask("search", q="zend", **{"from": at})
        hits += found["items"]
        if not found["more"]:
            break
        assert found["next"] > at
        at = found["next"]
    assert [hit[0] for hit in hits] == [1, 3]


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_search_goes_on_past_a_line_that_stays_open(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    quiet, burst = [("stdout", "quiet\n")] * 56, [("stderr", "found\n" * 300)] * 10
    log, _ = await a_log(parts, database, [*quiet, ("stdout", "working"), *burst, ("stdout", " done\n")])

    found = (await client.get(f"{log}/search", params={"q": "found", "from": 57})).json()

    assert found["next"] > 57 or not found["more"]
    assert found["items"][0][0] == 58


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_of_the_logs_that_were_read_no_more_than_there_is_room_for_is_remembered(
    client: httpx.AsyncClient, parts: Parts, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_index, "_MOST_CHARACTERS", 10)
    remembered = []
    for text in ("short", "longer than that", "short"):
        run = a_run(await a_job(parts, name=f"job {len(remembered)}"), state=RunState.FAILED)
        attempt = an_attempt(run, last_seq=1)
        await run_rows(database, run)
        await run_rows(database, attempt)
        await chunks(database, attempt.id, (1, "stdout", text))
        (await client.get(f"/api/v1/runs/{run.id}/log/lines", params={"tail": True})).raise_for_status()
        remembered.append(attempt.id)

    known = [parts.portal.log_parts.indexes.known(AttemptId(one)) is not None for one in remembered]
    assert known == [False, False, True]
