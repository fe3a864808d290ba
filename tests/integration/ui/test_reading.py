"""What pages and programs are shown of the ledger."""

from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from services.ui.app import Parts
from services.ui.commands import ScheduleDraft
from services.ui.models import HealthState
from shared.db import logs
from shared.db.engine import Database
from shared.db.logs import StoredChunk
from shared.db.tables import CursorRow, ScheduleRow
from shared.domain.run import Reason, RunState
from tests.integration.ui.stage import (
    NOW,
    a_job,
    a_ledger,
    a_run,
    an_attempt,
    an_executor,
    run_rows,
)

MINUTE = timedelta(minutes=1)


async def chunks(database: Database, attempt_id: UUID, *texts: tuple[int, str, str]) -> None:
    async with database.logs.begin() as session:
        await logs.store(
            session,
            [
                logs.packed(
                    StoredChunk(
                        attempt_id=attempt_id, run_id=uuid4(), seq=seq, stream=stream, at=NOW, text=text
                    )
                )
                for seq, stream, text in texts
            ],
        )


async def test_a_run_shows_its_attempts_its_usual_time_and_its_log(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await a_job(parts, args=("x",))
    earlier = [a_run(job_id, number, duration_ms=number * 100) for number in range(1, 6)]
    slow_failure = a_run(job_id, 6, duration_ms=10**6, state=RunState.FAILED)
    run = a_run(job_id, 7, attempt=2, state=RunState.FAILED, exit_code=3)
    first, second = an_attempt(run, 1), an_attempt(run, 2, last_seq=2, exit_code=3)
    await run_rows(database, *earlier, slow_failure, run)
    await run_rows(database, first, second)
    await chunks(database, first.id, (1, "stdout", "old\n"))
    await chunks(database, second.id, (1, "stdout", "a\nb\n"))

    shown = (await client.get(f"/api/v1/runs/{run.id}")).json()
    await chunks(database, second.id, (2, "stderr", "c\n"))
    complete = (await client.get(f"/api/v1/runs/{run.id}")).json()["log"]

    assert shown["usual_ms"] == 300
    assert [attempt["number"] for attempt in shown["attempts"]] == [1, 2]
    assert (shown["job_name"], shown["args"], shown["exit_code"]) == ("hello", ["x"], 3)
    assert shown["log"] == {
        "attempt_id": str(second.id),
        "stored_seq": 1,
        "last_seq": 2,
        "complete": False,
        "lines": 2,
    }
    assert (complete["complete"], complete["lines"]) == (True, 3)


async def test_a_log_is_read_piece_by_piece_and_downloaded_whole(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await a_job(parts)
    run = a_run(job_id)
    attempt = an_attempt(run, last_seq=120)
    await run_rows(database, run)
    await run_rows(database, attempt)
    sent = [
        (seq, "stderr" if seq % 3 == 0 else "stdout", f"line {seq} \u00e9\u4e2d\n") for seq in range(1, 121)
    ]
    await chunks(database, attempt.id, *sent)
    address = f"/api/v1/runs/{run.id}"

    pieces, after = [], 0
    while after is not None:
        page = (await client.get(f"{address}/log", params={"after_seq": after, "limit": 50})).json()
        pieces += page["items"]
        after = page["next"]
    whole = await client.get(f"{address}/log.txt")
    errors = await client.get(f"{address}/log.txt", params={"stream": "stderr"})

    assert [(piece["seq"], piece["stream"], piece["text"]) for piece in pieces] == sent
    assert whole.text == "".join(text for _, _, text in sent)
    assert errors.text == "".join(text for _, stream, text in sent if stream == "stderr")
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert "attachment" in whole.headers["content-disposition"]


@pytest.mark.parametrize("path", ["log", "log.txt"])
async def test_an_attempt_that_is_none_is_not_found(
    client: httpx.AsyncClient, parts: Parts, database: Database, path: str
) -> None:
    run = a_run(await a_job(parts))
    await run_rows(database, run)

    unknown_attempt = await client.get(f"/api/v1/runs/{run.id}/{path}", params={"attempt": 9})
    unknown_run = await client.get(f"/api/v1/runs/{uuid4()}/{path}")
    too_big = await client.get(f"/api/v1/runs/{run.id}/{path}", params={"attempt": 2**70})

    assert [unknown_attempt.status_code, unknown_run.status_code, too_big.status_code] == [404, 404, 422]


async def test_executors_show_what_they_have_in_hand(parts: Parts, database: Database) -> None:
    job_id = await a_job(parts)
    run = a_run(job_id, 5, state=RunState.RUNNING, executor="north")
    await run_rows(database, run, a_run(job_id, 4, executor="north"))
    await run_rows(
        database,
        an_attempt(run),
        an_executor("north"),
        an_executor("away", online=False),
        an_executor("east"),
    )

    executors = await parts.portal.queries.executors()

    assert [(each.name, each.online) for each in executors] == [
        ("east", True),
        ("north", True),
        ("away", False),
    ]
    assert [(each.number, each.job_name) for each in executors[1].running] == [(5, "hello")]
    assert (executors[1].runs_24h, executors[0].runs_24h) == (2, 0)


async def test_executors_that_left_are_shown_for_a_day_after_all_others(
    parts: Parts, database: Database
) -> None:
    day = timedelta(hours=24)
    await run_rows(
        database,
        an_executor("a left", online=False, draining=True, last_seen_at=NOW - day + MINUTE),
        an_executor("b left long ago", online=False, draining=True, last_seen_at=NOW - day - MINUTE),
        an_executor("c silent long ago", online=False, last_seen_at=NOW - 9 * day),
        an_executor("d drains", draining=True),
        an_executor("e works"),
    )

    executors = await parts.portal.queries.executors()

    assert [each.name for each in executors] == ["d drains", "e works", "c silent long ago", "a left"]


async def test_the_overview_counts_and_says_what_needs_attention(parts: Parts, database: Database) -> None:
    job_id = await a_job(parts)
    bad_id = await a_job(parts, name="bad")
    failed = a_run(bad_id, 1, state=RunState.FAILED, reason=Reason.OUTPUT, detail="too much")
    attempt = an_attempt(failed)
    late = [
        a_run(job_id, n, due_at=NOW - n * MINUTE, started_at=NOW - n * MINUTE + timedelta(milliseconds=n))
        for n in range(1, 101)
    ]
    waiting = a_run(job_id, 101, due_at=NOW - 2 * MINUTE, state=RunState.QUEUED)
    between = a_run(job_id, 105, due_at=NOW - 3 * MINUTE, state=RunState.QUEUED, attempt=2)
    future = a_run(job_id, 102, due_at=NOW + MINUTE, state=RunState.QUEUED)
    skipped = a_run(job_id, 103, state=RunState.SKIPPED)
    old = a_run(job_id, 104, due_at=NOW - timedelta(days=2), state=RunState.FAILED)
    await run_rows(database, failed, *late, waiting, between, future, skipped, old)
    tried_again = an_attempt(between, 2, state=RunState.QUEUED, due_at=NOW + MINUTE)
    await run_rows(database, attempt, tried_again, an_executor("a"), an_executor("b", online=False))
    await chunks(database, attempt.id, (1, "stderr", "Traceback\nboom\n\n"), (2, "stdout", "fine\n"))
    await a_ledger(database, job_id, run_count=104, last_finished_at=NOW, last_state=RunState.SUCCEEDED)
    await a_ledger(
        database,
        bad_id,
        run_count=1,
        last_run_id=failed.id,
        last_state=RunState.FAILED,
        last_finished_at=NOW,
    )

    overview = await parts.portal.queries.overview()

    assert (overview.jobs, overview.running, overview.slots) == (2, 0, 4)
    assert (overview.waiting, overview.oldest_waiting_at) == (1, waiting.due_at)
    assert (overview.failed_24h, overview.failed_jobs_24h, overview.total_24h) == (1, 1, 103)
    assert overview.start_delay_p99_ms == 99
    (attention,) = overview.attention
    assert (attention.job_name, attention.last_error, attention.detail) == ("bad", "boom", "too much")
    assert [row.job_name for row in overview.timeline.rows] == ["bad", "hello"]
    assert all(run.due_at <= overview.timeline.now for row in overview.timeline.rows for run in row.runs)


async def test_what_is_next_is_what_is_due_after_jitter_and_calendars(
    parts: Parts, database: Database
) -> None:
    for name, minutes in [("later", 9), ("sooner", 3), ("paused", 1), ("completed", None)]:
        job_id = await a_job(parts, name=name, schedule={"kind": "interval", "every_s": 60})
        due_at = None if minutes is None else NOW + minutes * MINUTE
        await a_ledger(database, job_id, next_due_at=due_at)
        if name == "paused":
            await parts.portal.commands.pause(job_id)

    overview = await parts.portal.queries.overview()

    assert [(item.job_name, item.due_at) for item in overview.next_up] == [
        ("sooner", NOW + 3 * MINUTE),
        ("later", NOW + 9 * MINUTE),
    ]
    assert overview.next_up[0].schedule_text == "Every minute"


async def test_what_is_next_names_the_schedule_that_is_due(parts: Parts, database: Database) -> None:
    hourly = ScheduleDraft(schedule={"kind": "hourly", "minute": 5})
    often = ScheduleDraft(schedule={"kind": "interval", "every_s": 60})
    job_id = await a_job(parts, schedule={}, schedules=(hourly, often))
    await a_ledger(database, job_id, next_due_at=NOW + MINUTE)
    async with database.reading() as session:
        wanted = select(ScheduleRow).where(ScheduleRow.job_id == job_id).order_by(ScheduleRow.id)
        schedules = list(await session.scalars(wanted))
    for schedule, minutes in zip(schedules, (9, 1), strict=True):
        at = NOW + minutes * MINUTE
        cursor = CursorRow(schedule_id=schedule.id, job_id=job_id, decided_until=NOW, shown_at=at)
        await run_rows(database, cursor)

    (item,) = (await parts.portal.queries.overview()).next_up

    assert item.schedule_text == "Every minute"


async def test_nothing_is_to_come_of_a_job_that_has_reached_its_number_of_runs(
    parts: Parts, database: Database
) -> None:
    every_minute = {"kind": "interval", "every_s": 60, "anchor": "2026-01-01T00:00:00Z"}
    for name, due_at in [("goes on", NOW + MINUTE), ("is over", None)]:
        job_id = await a_job(parts, name=name, schedule=every_minute)
        await a_ledger(database, job_id, next_due_at=due_at, last_finished_at=NOW)

    rows = (await parts.portal.queries.overview(hours=1)).timeline.rows

    assert {row.job_name: bool(row.upcoming) for row in rows} == {"goes on": True, "is over": False}


@pytest.mark.parametrize(
    ("schedule", "policy", "promised", "no_next"),
    [
        ({"kind": "manual"}, {}, 0, "manual"),
        ({"kind": "interval", "every_s": 60}, {"max_runs": 3}, 3, "completed"),
        ({"kind": "interval", "every_s": 60}, {"max_runs": 3}, 2, "excluded"),
        ({"kind": "interval", "every_s": 3600}, {"ends_at": "SOON"}, 0, "completed"),
    ],
)
async def test_a_job_says_why_it_has_no_next_run(
    parts: Parts,
    database: Database,
    schedule: dict[str, object],
    policy: dict[str, object],
    promised: int,
    no_next: str,
) -> None:
    if "ends_at" in policy:
        policy = {"ends_at": (NOW + MINUTE).isoformat()}
    job_id = await a_job(parts, schedule=schedule, policy=policy)
    await a_ledger(database, job_id, promised_count=promised)

    job = await parts.portal.queries.job(job_id)

    assert (job.next_due_at, job.no_next) == (None, no_next)


async def test_ready_and_degraded_while_the_broker_is_away(client: httpx.AsyncClient) -> None:
    ready = await client.get("/readyz")
    health = (await client.get("/api/v1/health")).json()

    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert ready.json()["facts"] == health
    assert (health["state"], health["broker"], health["title"]) == ("degraded", False, "RabbitMQ is away")


async def test_an_executor_that_takes_no_runs_is_told_and_its_slots_are_not_counted(
    client: httpx.AsyncClient, database: Database
) -> None:
    problem = {"sandbox": "unavailable", "problems": ["Scripts cannot be fenced in here."]}
    await run_rows(database, an_executor("well"), an_executor("ill", pools=["default", "heavy"], **problem))

    health = (await client.get("/api/v1/health")).json()
    pools = {one["name"]: one for one in (await client.get("/api/v1/pools")).json()["items"]}
    overview = (await client.get("/api/v1/overview")).json()

    assert health["ailing"] == ["ill"]
    assert (health["offers"], overview["slots"]) == ({"default": "any"}, 4)
    assert (pools["default"]["slots"], pools["heavy"]["slots"]) == (4, 0)


async def test_a_database_that_is_away_is_said_and_not_a_crash(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    async with database.ledger.begin() as session:
        await session.connection(execution_options={})
        await (await session.connection()).exec_driver_sql("ALTER TABLE cursors RENAME TO gone")

    health = await parts.portal.queries.health()
    ready = await client.get("/readyz")

    assert (health.state, health.database) == (HealthState.DOWN, False)
    assert (ready.status_code, ready.json()["ready"]) == (503, False)


@pytest.mark.parametrize(
    ("schedule", "text", "error", "field"),
    [
        ({"kind": "interval", "every_s": 90}, "Every 90 seconds", None, None),
        ({"kind": "manual"}, "Manual only", None, None),
        ({"kind": "interval", "every_s": 0}, "", "1 or more", "every_s"),
        ({"kind": "interval", "every_s": "5"}, "", "whole number", "every_s"),
        ({"kind": "lunar"}, "", "no kind of schedule", "schedule"),
    ],
)
async def test_a_schedule_is_said_in_words_while_it_is_typed(
    client: httpx.AsyncClient, schedule: dict[str, object], text: str, error: str | None, field: str | None
) -> None:
    shown = (await client.post("/api/v1/schedules/preview", json={"schedule": schedule})).json()

    assert (shown["text"], shown["field"]) == (text, field)
    assert error is None or error in shown["error"]
    assert len(shown["next"]) == (10 if schedule == {"kind": "interval", "every_s": 90} else 0)


async def test_scripts_are_listed_without_what_cannot_run(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/api/v1/scripts")).json()

    assert "hello.py" in answer["items"]
    assert answer["items"] == sorted(answer["items"])


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/jobs", "/api/"])
async def test_an_unknown_address_of_the_api_is_a_problem_document(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
