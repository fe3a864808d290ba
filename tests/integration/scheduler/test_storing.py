"""What executors may say and people may do at any moment, and no database may stumble over."""

import asyncio

import msgspec
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.ledger import Effects
from services.scheduler.results import PREFETCH, Results
from shared.broker import Consumer, Outgoing
from shared.db import jobs
from shared.db.engine import open_database
from shared.db.jobs import head_of
from shared.db.runs import NewRun, insert_runs
from shared.db.tables import JobRow
from shared.domain.ids import ExecutorName, RunId, new_id
from shared.domain.job import Definition
from shared.domain.run import Cause, RunState
from shared.messages.topology import DEAD, SCHEDULER_EVENTS, Exchange
from shared.runtime.settings import DatabaseSettings
from tests.integration.scheduler.stage import Desk, Holder, Stage, at, manual, ref

NUL = "\x00"
LARGE = 2**40
on_postgresql = pytest.mark.parametrize("store", ["postgresql"], indirect=True)


async def test_a_report_with_more_than_two_gigabytes_and_a_nul_ends_its_run(desk: Desk) -> None:
    holder = Holder()
    await desk.ask(await desk.job(manual()))
    grant = await desk.granted(holder, await desk.attempt())

    await desk.report(
        holder.report(
            grant,
            detail=f"killed{NUL} " + "x" * 100_000,
            sandbox="s" * 100,
            peak_memory_bytes=LARGE,
            stdout_bytes=LARGE,
            stderr_bytes=LARGE,
            dropped_bytes=LARGE,
            cpu_ms=LARGE,
        )
    )

    attempt = await desk.attempt()
    assert attempt.state is RunState.SUCCEEDED
    assert {attempt.peak_memory_bytes, attempt.stdout_bytes, attempt.dropped_bytes, attempt.cpu_ms} == {LARGE}
    assert attempt.detail == "killed\ufffd " + "x" * 100_000
    assert attempt.sandbox == "s" * 20


async def test_an_executor_that_describes_itself_at_length_is_heard(desk: Desk) -> None:
    holder = Holder()
    renewal = msgspec.structs.replace(
        holder.renewal(),
        host=f"h{NUL}" * 300,
        version="1" * 100,
        sandbox="s" * 100,
        pools=(f"gpu{NUL}",),
        problems=(f"disk{NUL} full" * 100,),
    )

    await desk.renew(renewal)
    await desk.renew(renewal)

    row = await desk.executor()
    assert row.online
    assert row.host == "h\ufffd" * 127 + "h"
    assert (len(row.version), len(row.sandbox)) == (40, 20)


async def test_a_name_too_long_to_be_stored_is_cut_and_nobody_falls_over_it(desk: Desk) -> None:
    holder = Holder(name=ExecutorName("n" * 300))
    await desk.ask(await desk.job(manual()))

    await desk.granted(holder, await desk.attempt())
    await desk.renew(holder.renewal(ref(await desk.attempt())))

    assert (await desk.attempt()).executor == "n" * 200


async def test_a_request_of_a_kind_too_strange_for_words_gets_an_outcome(desk: Desk) -> None:
    run_id = await desk.ask(await desk.job(manual(), name="j"), kind="k" * 20)

    (request,) = await desk.requests()
    assert request.run_id == run_id
    assert request.outcome is not None


@on_postgresql
async def test_a_job_that_is_renamed_while_it_is_planned_is_planned(
    stage: Stage, store: DatabaseSettings
) -> None:
    desk = stage.desk
    job_id = await desk.job(name="old")
    tries = 0

    async def work(session: AsyncSession, _: Effects) -> None:
        nonlocal tries
        tries += 1
        await session.scalar(select(JobRow.version).where(JobRow.id == job_id))
        if tries == 1:
            await rename()
        await insert_runs(session, [a_run()])

    async def rename() -> None:
        async with open_database(store) as portal, portal.ledger.begin() as session:
            head = await head_of(session, job_id)
            assert head is not None
            new = Definition(name="new", script="hello.py")
            assert await jobs.replace_definition(
                session, job_id, new, expected_version=head.version, now=at(0)
            )

    def a_run() -> NewRun:
        return NewRun(
            id=RunId(new_id()), job_id=job_id, number=1, cause=Cause.MANUAL, nominal_at=at(0), due_at=at(0),
            state=RunState.QUEUED, created_at=at(0),
        )  # fmt: skip

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        writing = group.create_task(stage.ledger.write(work))
        while not writing.done():
            desk.clock.advance(0.1)  # between two tries it sleeps
            await asyncio.sleep(0)

    (run,) = await desk.runs(job_id)
    assert run.state is RunState.QUEUED


@on_postgresql
async def test_a_database_that_lacks_a_table_costs_no_message(stage: Stage) -> None:
    desk, holder = stage.desk, Holder()
    await desk.ask(await desk.job(manual()))
    grant = await desk.granted(holder, await desk.attempt())
    report = holder.report(grant)
    await stage.publisher.publish(Outgoing(exchange=Exchange.EVENTS, key="run.finished", message=report))
    await desk.do(lambda session, _: session.execute(text("ALTER TABLE attempts RENAME TO mislaid")))

    async with Consumer.on(stage.broker, SCHEDULER_EVENTS, prefetch=PREFETCH) as consumer:
        async with asyncio.timeout(10):
            with pytest.raises(DBAPIError, match="attempts"):
                await Results(stage.ledger, stage.news).run(consumer)

    async with Consumer.on(stage.broker, SCHEDULER_EVENTS, prefetch=1) as consumer, asyncio.timeout(10):
        returned = await consumer.next()
    assert returned.message.id == report.id
    assert await stage.publisher.depth(DEAD) == 0
