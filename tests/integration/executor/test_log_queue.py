"""The log queue is full while nobody stores: output waits on the executor's disk, and all of it arrives."""

import asyncio
from pathlib import Path
from urllib.parse import quote

from services.executor.log_sender import LogSender
from services.executor.output import Output
from services.executor.spool import Spools
from shared.broker import Consumer, Publisher, connect
from shared.domain.ids import ExecutorName
from shared.messages.commands import LogStored
from shared.messages.events import RunOutput, Stream
from shared.messages.topology import LOG_STORE, POLICIES
from shared.runtime.clock import SystemClock
from tests.support.eventually import until, until_found
from tests.support.node import SessionBroker, name_in
from tests.unit.services.executor.grants import A_GRANT

CLOCK = SystemClock()
ATTEMPT = A_GRANT.attempt_id
CHUNKS, ROOM = 40, 200_000


def bound(broker_node: SessionBroker, amqp_url: str, most_bytes: int) -> None:
    """Let the log queue hold so little; how it behaves when it is full is the product's own policy."""
    (policy,) = (one for one in POLICIES if one.name == "portal.logs")
    path = f"policies/{quote(name_in(amqp_url), safe='')}/{policy.name}"
    definition = dict(policy.definition) | {"max-length-bytes": most_bytes}
    body = {"pattern": policy.pattern, "definition": definition, "apply-to": "queues", "priority": 1}
    broker_node.thread.run(broker_node.management.call("PUT", path, body))


async def test_a_full_log_queue_holds_up_no_run_and_loses_no_line(
    broker_node: SessionBroker, amqp_url: str, tmp_path: Path
) -> None:
    bound(broker_node, amqp_url, ROOM)
    spools, failures = Spools(tmp_path), list[OSError]()
    async with (
        connect(amqp_url, name="test") as broker,
        Publisher.on(broker) as publisher,
        asyncio.TaskGroup() as group,
    ):
        sender = LogSender(spools, publisher, CLOCK)
        sending = group.create_task(sender.run())
        output = Output(
            A_GRANT, executor=ExecutorName("a"), spools=spools, clock=CLOCK, on_disk_full=failures.append
        )
        for number in range(CHUNKS):
            output.take(Stream.STDOUT, b"%05d\n" % number * 5_461 + b"xx")
        output.finish()  # at once, though most of it is nowhere but here
        await until_found(lambda: is_full(publisher), within_s=10)
        await until(lambda: sender._backoff_s > 0)
        most = await publisher.depth(LOG_STORE)
        waiting = spools.of(ATTEMPT).last - spools.of(ATTEMPT).confirmed

        texts: dict[int, str] = {}
        async with Consumer.on(broker, LOG_STORE, prefetch=10) as consumer:
            while not spools.is_empty:
                delivery = await consumer.next()
                chunk = delivery.message
                assert isinstance(chunk, RunOutput)
                texts[chunk.seq] = chunk.text
                await delivery.ack()
                whole = next(seq for seq in range(len(texts) + 1) if seq + 1 not in texts)
                sender.take(LogStored(source="test", time=CLOCK.now(), attempt_id=ATTEMPT, seq=whole))
        sending.cancel()

    assert most * 32_768 <= ROOM + 32_768
    assert waiting >= CHUNKS - most - 1
    printed = "".join(texts[seq] for seq in sorted(texts))
    assert printed == "".join(f"{number:05d}\n" * 5_461 + "xx" for number in range(CHUNKS))
    assert (failures, output.dropped_bytes(Stream.STDOUT)) == ([], 0)


async def is_full(publisher: Publisher) -> bool:
    return await publisher.depth(LOG_STORE) >= ROOM // 40_000
