"""What the ui keeps of runs that left the ledger goes, and what is gone says so."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta

import httpx
from sqlalchemy import func, select, text

from services.ui.recorder.writer import Writer
from services.ui.retention import Retention
from shared.db.engine import Database
from shared.db.facts import store_fact
from shared.db.retention import LOOKED_AT
from shared.db.tables import ArtifactChunkRow, LogChunkRow, RequestRow, RunSecretRow
from shared.domain.ids import new_id
from shared.domain.run import Cause, RunState
from tests.integration.ui.stage import (
    NOW,
    Parts,
    a_job,
    a_ledger,
    a_part,
    a_piece,
    a_run,
    an_attempt,
    an_output,
    eventually,
    run_rows,
)
from tests.support.manual_clock import ManualClock

API = "/api/v1"


async def swept(database: Database) -> int:
    """Let the loop go through all logs once."""
    return await rounded(lambda retention: retention.sweep(), database)


async def rounded(
    one_round: Callable[[Retention], Coroutine[object, object, int]],
    database: Database,
    *,
    keep_bytes: int = 10**9,
) -> int:
    """Let it go round once; its clock goes on by itself."""
    clock = ManualClock(NOW)
    going = asyncio.create_task(one_round(Retention(database, clock, keep_bytes=keep_bytes)))
    while not going.done():
        clock.advance(0.1)
        await asyncio.wait([going], timeout=0.01)
    return going.result()


async def test_the_log_of_a_removed_run_goes_and_its_room_with_it(parts: Parts, database: Database) -> None:
    job_id = await a_job(parts)
    kept, removed = a_run(job_id, 2), a_run(job_id, 1)
    await run_rows(database, kept)
    await run_rows(database, an_attempt(kept))
    noise = [secrets.token_hex(9_000) for _ in range(300)]
    old = new_id()
    await Writer(database.logs).write([an_output(removed, old, seq, one) for seq, one in enumerate(noise, 1)])
    for run, attempt, seq in ((removed, old, 301), (kept, new_id(), 1)):
        await Writer(database.logs).write([a_piece(run, attempt, seq, a_part("a.txt", b"a"))])
    before = await pages(database)
    typed = RunSecretRow(run_id=removed.id, name="token", sealed="v1:x")
    asked = {"kind": "run_now", "job_id": job_id, "run_id": removed.id, "requested_by": "local"}
    long_ago = NOW - timedelta(days=91)
    outcome = {"outcome": "queued as #1", "handled_at": long_ago, "requested_at": long_ago}
    of_no_run = {"kind": "backfill", "cause": Cause.BACKFILL, "run_id": None}
    await run_rows(database, typed, RequestRow(id=new_id(), cause=Cause.MANUAL, **asked, **outcome))
    await run_rows(database, RequestRow(id=new_id(), **{**asked, **of_no_run}, **outcome))
    await looked_at(database, NOW - timedelta(days=2))

    assert await swept(database) == 1
    async with database.reading() as session:  # that our own clock shows more does not count
        assert await session.scalar(select(func.count()).select_from(RequestRow)) == 2
    await looked_at(database, NOW)
    assert await swept(database) == 0

    async with database.reading_logs() as session:
        for rows in (LogChunkRow, ArtifactChunkRow):
            assert list(await session.scalars(select(rows.run_id))) == [kept.id]
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(RequestRow)) == 0
        assert await session.scalar(select(func.count()).select_from(RunSecretRow)) == 0
    if before:
        assert await pages(database) < before / 2


async def test_of_many_removed_runs_the_logs_go_together(parts: Parts, database: Database) -> None:
    job_id = await a_job(parts)
    removed = [a_run(job_id, number) for number in range(1, 6)]
    await Writer(database.logs).write([an_output(run, new_id(), 1, "said") for run in removed])

    async def are_gone() -> bool:
        async with database.reading_logs() as session:
            return await session.scalar(select(func.count()).select_from(LogChunkRow)) == 0

    # Its clock stands still: it comes as far as its first pause.
    async with asyncio.TaskGroup() as group:
        sweep = group.create_task(Retention(database, ManualClock(NOW), keep_bytes=10**9).sweep())
        await eventually(are_gone)
        sweep.cancel()


async def test_while_there_is_nothing_to_remove_nobody_waits_for_it(database: Database) -> None:
    assert await swept(database) == 0  # connections are open now: to open one waits for who writes
    async with database.ledger.begin() as session:
        await session.execute(text("SELECT 1"))  # from here on nobody else writes, on SQLite
        assert await swept(database) == 0


async def test_the_oldest_output_goes_where_a_job_printed_more_than_is_kept(
    parts: Parts, client: httpx.AsyncClient, database: Database
) -> None:
    usual, modest = await a_job(parts), await a_job(parts, name="modest", policy={"keep_bytes": 2_000_000})
    printed = {"stdout_bytes": 700_000, "stderr_bytes": 500_000, "dropped_bytes": 200_000, "last_seq": 2}
    runs = {job: [a_run(job, number) for number in range(1, 6)] for job in (usual, modest)}
    going = a_run(modest, 6, state=RunState.RUNNING)
    for run in (*runs[usual], *runs[modest], going):
        await run_rows(database, run)
        attempt = an_attempt(run, **printed)
        await run_rows(database, attempt)
        await Writer(database.logs).write([an_output(run, attempt.id, seq, "words") for seq in (1, 2)])

    # A megabyte of each is kept, the going one included: one of five is too much, and four of six.
    assert await rounded(lambda retention: retention.trim(), database, keep_bytes=4_500_000) == 1 + 4
    assert await rounded(lambda retention: retention.trim(), database, keep_bytes=4_500_000) == 0

    async with database.reading_logs() as session:
        left = set(await session.scalars(select(LogChunkRow.run_id)))
    assert left == {run.id for run in (*runs[usual][1:], *runs[modest][4:], going)}
    said = (await client.get(f"{API}/runs/{runs[modest][0].id}")).json()
    assert said["state"] == "succeeded"
    assert said["log"]["complete"]
    assert said["attempts"][0]["output_removed_at"] is not None


async def test_the_newest_output_of_a_job_stays_however_much_it_is(parts: Parts, database: Database) -> None:
    run = a_run(await a_job(parts))
    await run_rows(database, run)
    await run_rows(database, an_attempt(run, stdout_bytes=10**10, last_seq=1))

    assert await rounded(lambda retention: retention.trim(), database) == 0


async def looked_at(database: Database, at: datetime) -> None:
    """Let this be the time by which the scheduler judged last what is old."""
    async with database.ledger.begin() as session:
        await store_fact(session, LOOKED_AT, at.isoformat())


async def pages(database: Database) -> int:
    """Return how many pages the file of logs has; 0 on PostgreSQL, which sees to its room by itself."""
    async with database.reading_logs() as session:
        if session.get_bind().dialect.name != "sqlite":
            return 0
        return int(await session.scalar(text("PRAGMA page_count")) or 0)


async def test_what_was_removed_is_told(parts: Parts, client: httpx.AsyncClient, database: Database) -> None:
    job_id = await a_job(parts)
    removed_until = NOW - timedelta(days=30)
    await a_ledger(database, job_id, run_count=8, removed_count=7, removed_until=removed_until)
    run_id = await parts.portal.commands.run_now(job_id)
    async with database.ledger.begin() as session:
        await session.execute(text("UPDATE requests SET outcome = 'queued as #7', handled_at = requested_at"))

    job = (await client.get(f"{API}/jobs/{job_id}")).json()
    run = await client.get(f"{API}/runs/{run_id}")

    assert (job["removed_count"], job["removed_until"]) == (
        7,
        removed_until.isoformat().replace("+00:00", "Z"),
    )
    assert run.status_code == 404
    assert run.json()["detail"] == "There is no such run, or it was so old that it was removed."
