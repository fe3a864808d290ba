"""Output from the real broker into the real store."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import select

from services.ui.app import Parts
from services.ui.settings import UiSettings
from shared.broker import Outgoing, Publisher
from shared.db.engine import Database
from shared.db.tables import LogChunkRow
from shared.domain.ids import BootId, new_id
from shared.messages.commands import LogStored
from shared.messages.events import Stream
from shared.messages.topology import DEAD, LOG_STORE, Queue, control_queue
from shared.runtime.settings import DatabaseSettings
from tests.integration.ui.stage import (
    EXECUTOR,
    a_change,
    a_draft,
    a_part,
    a_piece,
    a_run,
    an_attempt,
    an_output,
    eventually,
    other_side,
    run_rows,
    serving,
    to_store,
)


async def a_running(parts: Parts, database: Database) -> tuple[Any, Any]:
    job_id = await parts.portal.commands.create_job(a_draft())
    run = a_run(job_id)
    attempt = an_attempt(run)
    await run_rows(database, run)
    await run_rows(database, attempt)
    return run, attempt


async def stored_text(parts: Parts, run_id: UUID) -> str:
    return "".join([piece async for piece in await parts.portal.queries.log_text(run_id)])


async def stored_seqs(database: Database) -> list[int]:
    async with database.reading_logs() as session:
        return list(await session.scalars(select(LogChunkRow.seq).order_by(LogChunkRow.seq)))


async def test_ten_thousand_lines_are_stored_exactly_and_the_executor_may_forget(
    live_settings: UiSettings, live_parts: Parts, database: Database, amqp_url: str
) -> None:
    run, attempt = await a_running(live_parts, database)
    texts = [f"line {number} \u4e2d\n" for number in range(10_000)]
    outputs = [
        an_output(run, attempt.id, seq, "".join(texts[at : at + 20]), Stream.STDOUT)
        for seq, at in enumerate(range(0, 10_000, 20), start=1)
    ]

    async with other_side(amqp_url) as (publisher, consumer), serving(live_settings, live_parts):
        async with consumer(control_queue(EXECUTOR, BootId(new_id()))) as told:
            await publisher.publish_all([to_store(output) for output in outputs])
            last = 0
            async with asyncio.timeout(30):
                while last < len(outputs):
                    delivery = await told.next()
                    assert isinstance(delivery.message, LogStored)
                    assert delivery.message.attempt_id == attempt.id
                    last = max(last, delivery.message.seq)
        text = await stored_text(live_parts, run.id)
        depth = await publisher.depth(LOG_STORE)

    assert text == "".join(texts)
    assert depth == 0


async def test_a_chunk_is_stored_once_however_often_and_in_whatever_order_it_comes(
    live_settings: UiSettings, live_parts: Parts, database: Database, amqp_url: str
) -> None:
    run, attempt = await a_running(live_parts, database)
    outputs = [an_output(run, attempt.id, seq, f"{seq}\n") for seq in (3, 1, 3, 2, 1, 5)]
    heard = Counter[int]()

    async with other_side(amqp_url) as (publisher, consumer), serving(live_settings, live_parts):
        async with consumer(control_queue(EXECUTOR, BootId(new_id()))) as told:
            for output in outputs:
                await publisher.publish(to_store(output))
                delivery = await told.next()
                assert isinstance(delivery.message, LogStored)
                heard[delivery.message.seq] += 1
        text = await stored_text(live_parts, run.id)

    assert text == "1\n2\n3\n5\n"
    # Chunk 4 is missing: what the executor may forget never reaches past it.
    assert heard == {0: 1, 1: 2, 3: 3}


async def test_output_that_came_while_no_portal_was_there_is_stored_later(
    live_settings: UiSettings, live_parts: Parts, database: Database, amqp_url: str
) -> None:
    run, attempt = await a_running(live_parts, database)

    async with other_side(amqp_url) as (publisher, _):
        await publisher.publish(to_store(an_output(run, attempt.id, 1, "early\n")))
        async with serving(live_settings, live_parts):
            await eventually(lambda: stored_seqs(database))

    assert await stored_text(live_parts, run.id) == "early\n"


@asynccontextmanager
async def logs_held(store: DatabaseSettings) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    """Let nobody else write logs; give what lets go of them."""
    if store.database_url is not None:
        holder = await asyncpg.connect(store.database_url)
        try:
            await holder.execute("BEGIN; LOCK TABLE log_chunks IN EXCLUSIVE MODE")
            yield lambda: holder.execute("ROLLBACK")
        finally:
            await holder.close()
        return
    with closing(sqlite3.connect(store.home / "logs.db", isolation_level=None)) as file:
        file.execute("BEGIN IMMEDIATE")

        async def let_go() -> None:
            file.execute("ROLLBACK")

        yield let_go


async def test_nothing_is_acknowledged_before_it_is_stored(
    live_parts: Parts, database: Database, store: DatabaseSettings, amqp_url: str
) -> None:
    run, attempt = await a_running(live_parts, database)
    recorder = live_parts.messaging.recorder
    outputs = [an_output(run, attempt.id, seq, "kept\n") for seq in range(1, 151)]

    async with other_side(amqp_url) as (publisher, consumer):
        async with logs_held(store) as let_go:
            async with consumer(LOG_STORE) as queue, asyncio.TaskGroup() as group:
                recording = group.create_task(recorder.run(queue, publisher))
                await publisher.publish_all([to_store(output) for output in outputs])
                await eventually(lambda: is_depth(publisher, 50))
                # The prefetch of 100 is used up: an acknowledgement would let more of them out.
                depths = [await publisher.depth(LOG_STORE) for _ in range(50)]
                recording.cancel()
                await asyncio.sleep(0)
                await let_go()
        # Delivered and never stored: all of it must be in the queue again.
        await eventually(lambda: is_depth(publisher, 150))

    assert set(depths) == {50}
    assert await stored_seqs(database) == []


async def is_depth(publisher: Publisher, count: int, queue: Queue = LOG_STORE) -> bool:
    return await publisher.depth(queue) == count


async def test_what_is_no_output_is_parked_and_the_rest_is_stored(
    live_settings: UiSettings, live_parts: Parts, database: Database, amqp_url: str
) -> None:
    run, attempt = await a_running(live_parts, database)
    stray = a_change(run, run.state)
    absurd = an_output(run, attempt.id, 2**40, "far\n")
    named = [a_piece(run, attempt.id, 2, a_part(name, b"")) for name in ("a\0b", "x" * 256)]

    async with other_side(amqp_url) as (publisher, _), serving(live_settings, live_parts):
        store = to_store(an_output(run, attempt.id, 1, "fine\n"))
        await publisher.publish(Outgoing(exchange=store.exchange, key=store.key, message=stray))
        await publisher.publish_all([to_store(one) for one in (absurd, *named)])
        await publisher.publish(store)
        await eventually(lambda: is_depth(publisher, 4, DEAD))
        await eventually(lambda: stored_seqs(database))

    assert await stored_seqs(database) == [1]


async def test_control_characters_are_kept_as_they_were_printed(
    live_settings: UiSettings, live_parts: Parts, database: Database, amqp_url: str
) -> None:
    run, attempt = await a_running(live_parts, database)
    text = "a\x00b\x1b[31mred\x1b[0m\r\n\ufffd"

    async with other_side(amqp_url) as (publisher, _), serving(live_settings, live_parts):
        await publisher.publish(to_store(an_output(run, attempt.id, 1, text)))
        await eventually(lambda: stored_seqs(database))

    assert await stored_text(live_parts, run.id) == text
