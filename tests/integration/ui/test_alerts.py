"""What fails is told once, whoever of portal, replicas and receivers falls down; on both databases."""

import asyncio
import base64
import hashlib
import hmac
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import insert, select

from services.cli import keyfile
from services.ui import app
from services.ui.app import Parts
from services.ui.recorder.writer import Writer
from services.ui.settings import UiSettings
from shared.db import deliveries
from shared.db.engine import Database, open_database
from shared.db.tables import JobRow
from shared.domain.ids import JobId, new_id
from shared.domain.run import RunState
from shared.messages.events import Stream
from tests.integration.ui.stage import (
    NOW,
    a_job,
    a_run,
    an_attempt,
    an_executor,
    an_output,
    run_rows,
)
from tests.support.eventually import until
from tests.support.manual_clock import ManualClock
from tests.support.receiver import Receiver, mail_server

ALERTS = "/api/v1/alerts"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def settings(settings: UiSettings) -> UiSettings:
    """A portal with a key for what it seals, that people reach elsewhere."""
    keyfile.write(settings.home / "secrets" / "secrets.key", [keyfile.new_key()])
    return settings.model_copy(update={"public_url": "https://portal.example/"})


@pytest.fixture
def parts(settings: UiSettings, database: Database, clock: ManualClock) -> Parts:
    return app.compose(settings, database, clock)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().listening() as listening:
        yield listening


async def a_channel(client: httpx.AsyncClient, receiver: Receiver, name: str = "ops", **fields: Any) -> Any:
    body = {"name": name, "kind": "webhook", "address": receiver.url, **fields}
    answer = await client.post(f"{ALERTS}/channels", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def a_rule(client: httpx.AsyncClient, channel: Any, **fields: Any) -> str:
    body = {"kind": "failed", "channels": [channel["channel"]["id"]], **fields}
    answer = await client.post(f"{ALERTS}/rules", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def messages(client: httpx.AsyncClient) -> list[Any]:
    return list((await client.get(f"{ALERTS}/deliveries")).json()["items"])


@asynccontextmanager
async def sending(parts: Parts) -> AsyncIterator[None]:
    """Begin to send what is due, and leave when all of it was tried."""
    async with httpx.AsyncClient(trust_env=False) as http, asyncio.TaskGroup() as group:
        await parts.courier.send_due(group, http)
        yield


async def tell(parts: Parts, clock: ManualClock, seconds: float = 61) -> None:
    """Let time pass, look, and send."""
    clock.advance(seconds)
    while await parts.watch.look():
        pass
    async with sending(parts):
        pass


class Story:
    """A job whose runs end one after the other, as the scheduler notes them."""

    def __init__(self, database: Database, job_id: JobId, clock: ManualClock, number: int = 0) -> None:
        self._database, self.job_id, self.clock, self._number = database, job_id, clock, number

    async def ends(self, state: RunState, **changes: Any) -> UUID:
        self.clock.advance(1)
        self._number += 1
        now = self.clock.now()
        values = {"due_at": now, "started_at": now, "finished_at": now, "noted_at": now, "duration_ms": 5_000}
        run = a_run(self.job_id, self._number, state=state, **{**values, **changes})
        await run_rows(self._database, run)
        return run.id

    async def printed(self, run_id: UUID, text: str) -> None:
        run = a_run(self.job_id, id=run_id)
        attempt = an_attempt(run)
        await run_rows(self._database, attempt)
        output = an_output(run, attempt.id, 1, text, Stream.STDERR)
        await Writer(self._database.logs).write([output])


@pytest.fixture
async def story(parts: Parts, database: Database, clock: ManualClock) -> Story:
    return Story(database, await a_job(parts, name="nightly"), clock)


@pytest.fixture
async def told(parts: Parts, client: httpx.AsyncClient, receiver: Receiver) -> Any:
    """A channel that is told of every failure."""
    channel = await a_channel(client, receiver)
    await a_rule(client, channel)
    await parts.watch.look()
    return channel


async def test_a_failure_is_told_once_signed_with_its_last_words_and_so_is_its_end(
    parts: Parts, clock: ManualClock, story: Story, told: Any, receiver: Receiver, client: httpx.AsyncClient
) -> None:
    run_id = await story.ends(RunState.FAILED, exit_code=3)
    await story.printed(run_id, "Traceback\nno such table: users\n")
    await tell(parts, clock)
    await story.ends(RunState.FAILED, exit_code=3)
    await tell(parts, clock)
    held = (await client.get(f"{ALERTS}/holding")).json()["items"]
    assert receiver.titles == ["nightly failed"]
    await story.ends(RunState.SUCCEEDED)
    await tell(parts, clock)

    assert receiver.titles == ["nightly failed", "nightly succeeded again"]
    first = receiver.requests[0]
    key, stamp = first.headers["webhook-id"], first.headers["webhook-timestamp"]
    secret = base64.b64decode(told["secret"].removeprefix("whsec_"))
    digest = hmac.new(secret, f"{key}.{stamp}.".encode() + first.body, hashlib.sha256).digest()
    assert first.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert (
        f"exit code 3, after 5 s.\n  | Traceback\n  | no such table: users\nhttps://portal.example/runs/{run_id}"
        in (first.said["text"])
    )
    assert [(one["title"], one["count"]) for one in held] == [("nightly failed", 2)]
    assert (await client.get(f"{ALERTS}/holding")).json()["items"] == []
    shown = [(await client.get(f"{ALERTS}/{what}")).text for what in ("channels", "rules", "deliveries")]
    assert not any("hidden-in-the-address" in text or told["secret"] in text for text in shown)


async def test_what_cannot_be_delivered_is_tried_again_until_it_is_or_is_given_up(
    parts: Parts, clock: ManualClock, story: Story, told: Any, client: httpx.AsyncClient
) -> None:
    receiver = Receiver()
    with receiver.listening():
        address = {"name": "ops", "kind": "webhook", "address": receiver.url}
        await client.put(f"{ALERTS}/channels/{told['channel']['id']}", json=address)
    await story.ends(RunState.FAILED)
    await tell(parts, clock)
    await story.ends(RunState.SUCCEEDED)
    await tell(parts, clock, 10)
    (waiting,) = await messages(client)
    with receiver.listening():
        receiver.status = 500
        await tell(parts, clock, 16)
        (refused,) = await messages(client)
        receiver.status = 204
        await tell(parts, clock, 3_600)
        await tell(parts, clock, 3_600)
    (delivered,) = await messages(client)
    await story.ends(RunState.FAILED)
    await tell(parts, clock)
    await tell(parts, clock, 13 * 3_600)
    given_up = (await messages(client))[0]

    assert (waiting["state"], waiting["tries"]) == ("waiting", 1)
    assert waiting["error"] == "The receiver cannot be reached (ConnectError)."
    assert refused["error"] == "The receiver answered with status 500."
    assert (delivered["state"], delivered["error"], delivered["notices"]) == ("delivered", "", 2)
    assert receiver.titles == ["2 alerts: nightly failed, and others"] * 2
    assert len({one.headers["webhook-id"] for one in receiver.requests}) == 1
    assert (given_up["state"], given_up["tries"]) == ("given-up", 2)


async def test_what_was_decided_is_sent_by_whoever_comes_after_one_that_died(
    parts: Parts, settings: UiSettings, database: Database, story: Story, told: Any, receiver: Receiver
) -> None:
    clock = story.clock
    await story.ends(RunState.FAILED)
    await parts.watch.look()
    # It dies as it begins to send: what it has claimed, it never says what became of.
    async with database.ledger.begin() as session:
        (decided,) = await deliveries.due(session, clock.now(), limit=9)
        assert await deliveries.claim(session, decided, clock.now())

    successor = app.compose(settings, database, clock)
    await tell(successor, clock)
    assert receiver.requests == []
    await tell(successor, clock)
    await story.ends(RunState.SUCCEEDED)
    await tell(successor, clock, 5)
    # What was judged is not judged again by a third that has just begun.
    for state in (RunState.FAILED, RunState.SUCCEEDED):
        await story.ends(state)
    await successor.watch.look()
    await tell(app.compose(settings, database, clock), clock, 5)
    await tell(successor, clock)

    said = [len(one.said["alerts"]) for one in receiver.requests]
    assert (receiver.titles[0], said) == ("nightly failed", [1, 1, 2])


async def test_a_storm_is_a_few_messages_and_a_day_without_the_portal_is_one(
    parts: Parts, database: Database, clock: ManualClock, story: Story, told: Any, receiver: Receiver
) -> None:
    many = await copies(database, story.job_id, 1_000)
    await fail(database, many[:600], clock)
    await tell(parts, clock, 5)
    await fail(database, many[600:], clock)
    for _ in range(3):
        await tell(parts, clock, 20)
    storm = [one.said for one in receiver.requests]
    receiver.requests.clear()

    clock.advance(86_400)
    for one in many[:60]:
        await Story(database, one, clock, 10).ends(RunState.SUCCEEDED)
        await Story(database, one, clock, 11).ends(RunState.FAILED)
    await story.ends(RunState.FAILED)
    await story.ends(RunState.SUCCEEDED)
    clock.advance(43_200)
    await tell(parts, clock, 1)
    assert receiver.requests == []
    await tell(parts, clock, 61)

    assert [len(one["alerts"]) for one in storm] == [600, 400]
    assert storm[0]["title"].startswith("600 alerts: nightly ")
    assert storm[0]["text"].endswith("And 590 more. https://portal.example/alerts")
    assert storm[0]["text"].count("failed") == 20
    (summary,) = receiver.requests
    assert len(summary.said["alerts"]) == 120
    assert "nightly failed" not in summary.said["text"]


async def test_quiet_hours_a_mute_and_a_snooze_keep_a_channel_quiet(
    parts: Parts, clock: ManualClock, story: Story, told: Any, receiver: Receiver, client: httpx.AsyncClient
) -> None:
    begins, ends = (clock.now() + timedelta(minutes=m) for m in (-1, 480))
    quiet = {"begins": f"{begins:%H:%M}", "ends": f"{ends:%H:%M}", "zone": "UTC"}
    path = f"{ALERTS}/channels/{told['channel']['id']}"
    await client.put(path, json={"name": "ops", "kind": "webhook", "quiet": quiet})
    await story.ends(RunState.FAILED)
    await tell(parts, clock)
    await story.ends(RunState.SUCCEEDED)
    await tell(parts, clock, 470 * 60)
    assert receiver.requests == []
    await tell(parts, clock, 11 * 60)
    assert receiver.titles == ["2 alerts: nightly failed, and others"]

    await client.put(path, json={"name": "ops", "kind": "webhook"})
    await client.post(f"/api/v1/jobs/{story.job_id}/mute")
    await story.ends(RunState.FAILED)
    await tell(parts, clock)
    clock.advance(3_600)
    (rule,) = (await client.get(f"{ALERTS}/rules")).json()["items"]
    await client.post(f"{ALERTS}/rules/{rule['id']}/snooze")
    await story.ends(RunState.FAILED)
    await tell(parts, clock)
    assert (await client.get(f"{ALERTS}/holding")).json()["items"] == []
    await client.post(f"{ALERTS}/rules/{rule['id']}/snooze", json={"for_s": 0})
    await story.ends(RunState.FAILED)
    await tell(parts, clock)

    assert receiver.titles[1:] == ["nightly failed"]


async def test_a_dead_mans_switch_speaks_when_nothing_happens_and_reminds(
    parts: Parts, clock: ManualClock, story: Story, receiver: Receiver, client: httpx.AsyncClient
) -> None:
    channel = await a_channel(client, receiver)
    await a_rule(
        client,
        channel,
        kind="no-success",
        scope="job",
        job_id=str(story.job_id),
        after_s=7_200,
        remind_s=3_600,
    )
    await tell(parts, clock, 7_000)
    await story.ends(RunState.SUCCEEDED)
    await tell(parts, clock, 7_000)
    await story.ends(RunState.FAILED)
    assert receiver.requests == []
    await tell(parts, clock, 300)
    await tell(parts, clock, 3_000)
    await tell(parts, clock, 700)
    await client.post(f"/api/v1/jobs/{story.job_id}/pause")
    await tell(parts, clock, 60)
    await client.post(f"/api/v1/jobs/{story.job_id}/resume")
    await story.ends(RunState.SUCCEEDED)
    await tell(parts, clock)

    await client.post(f"/api/v1/jobs/{story.job_id}/pause")
    await tell(parts, clock, 9_000)
    await tell(parts, clock)

    silent = "nightly has not succeeded for 2 h"
    assert receiver.titles == [silent, f"Still: {silent}", "nightly is within its time again"]


async def test_each_kind_of_rule_tells_of_its_own_and_of_its_jobs_only(
    parts: Parts, database: Database, clock: ManualClock, story: Story, receiver: Receiver,
    client: httpx.AsyncClient,
) -> None:  # fmt: skip
    channel = await a_channel(client, receiver)
    other = await a_job(parts, name="other", script="chatty.py")
    one_job = {"scope": "job", "job_id": str(story.job_id)}
    await a_rule(client, channel, kind="failed", in_a_row=3, **one_job)
    await a_rule(client, channel, kind="failed", scope="folder", folder="finance")  # none of them
    for kind in ("timed-out", "lost", "missed", "late", "slow", "fast", "executor-offline", "queue-old"):
        await a_rule(client, channel, kind=kind, after_s=600)
    await parts.watch.look()
    for _ in range(12):
        await story.ends(RunState.SUCCEEDED)
    await tell(parts, clock)
    assert receiver.requests == []

    an_hour = timedelta(hours=1)
    facts: list[tuple[Any, ...]] = [
        (RunState.FAILED, {}),
        (RunState.TIMED_OUT, {}),
        (RunState.LOST, {"finished_at": clock.now() - an_hour}),  # told late
        (RunState.MISSED, {"instants": 7, "duration_ms": None, "started_at": None}),
        (RunState.SUCCEEDED, {"duration_ms": 16_000}),
        (RunState.SUCCEEDED, {"duration_ms": 1_000}),
        (RunState.SUCCEEDED, {"due_at": clock.now() - an_hour}),
    ]
    for state, changes in facts:
        await story.ends(state, **changes)
        await tell(parts, clock)
    soon = clock.now() + timedelta(seconds=1)
    running = a_run(other, 1, state=RunState.QUEUED, due_at=soon)
    seen = {"online": False, "last_seen_at": soon}
    await run_rows(database, running, an_executor("north", **seen))
    await run_rows(database, an_attempt(running))
    await tell(parts, clock, 590)
    before = len(receiver.requests)
    await tell(parts, clock, 62)

    said = [sorted(one["title"] for one in request.said["alerts"]) for request in receiver.requests]
    assert said[:before] == [
        ["nightly ran into its time limit"],
        ["nightly came to an end again", "nightly failed 3 times in a row", "nightly was lost"],
        ["nightly missed 7 runs"],
        [
            "nightly came to an end again",
            "nightly runs again",
            "nightly succeeded again",
            "nightly took far longer than usual",
        ],
        ["nightly takes its usual time again", "nightly took far less time than usual"],
        ["nightly started late", "nightly takes its usual time again"],
    ]
    assert said[before:] == [
        ["Executor north is offline", "Runs have waited for 10 min 51 s", "other has not started"]
    ]


async def test_two_replicas_tell_everything_once(
    parts: Parts, settings: UiSettings, clock: ManualClock, story: Story, told: Any, receiver: Receiver
) -> None:
    async with open_database(settings) as database:
        twin = app.compose(settings, database, clock)
        for number in range(5):
            await story.ends(RunState.FAILED if number % 2 == 0 else RunState.SUCCEEDED)
            clock.advance(61)
            async with asyncio.TaskGroup() as group:
                for one in (parts, twin, parts, twin):
                    group.create_task(one.watch.look())
            async with sending(parts), sending(twin):
                pass

    assert receiver.titles == ["nightly failed", "nightly succeeded again"] * 2 + ["nightly failed"]


async def test_a_receiver_that_hangs_delays_no_other(
    parts: Parts, clock: ManualClock, story: Story, receiver: Receiver, client: httpx.AsyncClient
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        slow = await a_channel(client, receiver, "slow", address=address)
        by_apprise = {"name": "json", "kind": "apprise", "address": f"json{address[4:]}"}
        slower = (await client.post(f"{ALERTS}/channels", json=by_apprise)).json()
        for one in (slow, slower, await a_channel(client, receiver)):
            await a_rule(client, one)
        await parts.watch.look()
        for state in (RunState.FAILED, RunState.SUCCEEDED):
            await story.ends(state)
            clock.advance(61)
            await parts.watch.look()
            async with httpx.AsyncClient() as http, Abandoned() as group:
                await parts.courier.send_due(group, http)
                await until(lambda: len(receiver.requests) == 1)
                assert {one["error"] for one in await messages(client)} == {""}  # nobody has given up yet
                receiver.requests.clear()
                group.abandon()


async def test_a_mail_comes_as_a_mail(
    parts: Parts, clock: ManualClock, story: Story, client: httpx.AsyncClient
) -> None:
    async with mail_server() as (mailbox, port):
        account = {"host": "127.0.0.1", "port": str(port), "security": "insecure"}
        account |= {"sender": "portal@example.com", "to": "ann@example.com, ben@example.com"}
        body = {"name": "us", "kind": "mail", "account": account}
        channel = (await client.post(f"{ALERTS}/channels", json=body)).json()
        await client.post(f"{ALERTS}/channels/{channel['channel']['id']}/test")
        await tell(parts, clock, 0)

    assert channel["channel"]["shown"] == "ann@example.com, ben@example.com, by 127.0.0.1"
    assert [one["state"] for one in await messages(client)] == ["delivered"], await messages(client)
    assert sorted(to for receivers, _ in mailbox.mails for to in receivers) == [
        "ann@example.com",
        "ben@example.com",
    ]
    mail = mailbox.mails[0][1]
    assert "A trial of the Job Trigger Portal" in str(mail["subject"])
    assert "local asked for this message" in mail.get_body().get_content()


class Abandoned(asyncio.TaskGroup):
    """A group whose tasks are given up at its end."""

    def abandon(self) -> None:
        for task in list(self._tasks):
            task.cancel()


async def copies(database: Database, job_id: JobId, count: int) -> list[JobId]:
    """Store so many jobs like this one, named by their numbers."""
    async with database.ledger.begin() as session:
        row = (await session.execute(select(*JobRow.__table__.c).where(JobRow.id == job_id))).mappings().one()
        made = [
            {**row, "id": new_id(), "name": f"{row['name']} {n}", "name_key": f"{row['name']} {n}"}
            for n in range(count)
        ]
        await session.execute(insert(JobRow), made)
    return [JobId(one["id"]) for one in made]


async def fail(database: Database, jobs: list[JobId], clock: ManualClock) -> None:
    """Let a run of each fail at the same moment."""
    clock.advance(1)
    now = clock.now()
    failed = {"state": RunState.FAILED, "finished_at": now, "noted_at": now, "due_at": now}
    await run_rows(database, *(a_run(job_id, 1, **failed) for job_id in jobs))
