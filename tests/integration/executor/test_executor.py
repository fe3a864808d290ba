"""One executor against a real broker; the test plays the ledger and the store."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from shared.broker import Outgoing
from shared.domain.ids import AttemptId, new_id
from shared.domain.job import OnLost
from shared.domain.run import Reason, RunState
from shared.messages.answers import Standing
from shared.messages.commands import RunCancel
from shared.messages.envelope import AttemptRef
from shared.messages.events import Stream
from shared.messages.topology import DEAD, Exchange, control_key, due_key
from tests.integration.executor.conftest import ShiftedClock, Start
from tests.integration.executor.stage import NAME, Ledger, instant, journal, spools, write_script
from tests.support.node import SessionBroker, name_in

FOREVER = "import time\nprint('ready')\ntime.sleep(1000)\n"


async def test_a_due_attempt_is_claimed_run_and_reported(executor: Start, played: Ledger) -> None:
    await executor()

    wanted = await played.due("hello.py")

    report = await played.ended(wanted)
    text = await played.text(wanted)
    assert (report.state, report.exit_code, report.reason) == (RunState.SUCCEEDED, 0, None)
    assert str(wanted.run_id) in text
    assert "promised for 2030-01-02T03:04:05Z" in text
    assert report.stdout_bytes == len(text.encode())
    assert (report.stderr_bytes, report.dropped_bytes) == (0, 0)
    assert report.sandbox == "process"
    (started,) = played.started
    assert (started.attempt_id, started.boot) == (report.attempt_id, report.boot)
    assert started.started_at == report.started_at


async def test_streams_exit_code_and_arguments_are_kept(executor: Start, played: Ledger) -> None:
    await executor()

    failing = await played.due("fails.py")
    shell = await played.due("shell.sh", args=("a b", "$(reboot)", '"'))

    assert (await played.ended(failing)).exit_code == 3
    await played.text(failing)
    streams = {chunk.stream for chunk in played.chunks if chunk.attempt_id == failing.ref.attempt_id}
    assert streams == {Stream.STDOUT, Stream.STDERR}
    assert 'called with 3 arguments: a b $(reboot) "' in await played.text(shell)


async def test_ten_thousand_lines_arrive_exactly_and_in_order(executor: Start, played: Ledger) -> None:
    await executor()

    text = await played.text(await played.due("chatty.py"))

    lines = [line.removeprefix("\033[1m").removesuffix("\033[0m") for line in text.splitlines()]
    assert lines == [f"line {number:5} of 10000" for number in range(1, 10_001)]


async def test_a_script_imports_what_lies_beside_it(executor: Start, played: Ledger, home: Path) -> None:
    write_script(home, "sub/main.py", "import beside\nprint(beside.WORD)\n")
    write_script(home, "sub/beside.py", "WORD = 'found'\n")
    await executor()

    assert await played.text(await played.due("sub/main.py")) == "found\n"


async def test_strange_output_is_kept_as_text_and_a_flood_is_counted(
    executor: Start, played: Ledger, home: Path
) -> None:
    write_script(home, "odd.py", r"import os; os.write(1, b'\xff\x00\xe2\x82\xac no newline')")
    write_script(home, "flood.py", "import os\nfor _ in range(1000): os.write(1, b'x' * 9_999 + b'\\n')\n")
    await executor()

    odd = await played.due("odd.py")
    flood = await played.due("flood.py", max_output_bytes=123_457)

    assert await played.text(odd) == "\ufffd\ufffd€ no newline"
    text, report = await played.text(flood), await played.ended(flood)
    assert (report.stdout_dropped_bytes, report.stderr_dropped_bytes) == (report.dropped_bytes, 0)
    assert report.stdout_bytes == 10_000_000
    head, mark, tail = text.partition(f"\n[... {report.dropped_bytes:,} bytes dropped ...]\n")
    assert mark
    assert len(head) == 123_457 - 12_345
    assert 11_000 < len(tail) <= 12_345
    assert len(head) + report.dropped_bytes + len(tail) == 10_000_000


async def test_the_streams_of_a_job_that_merges_them_are_one(
    executor: Start, played: Ledger, home: Path
) -> None:
    write_script(home, "both.sh", "echo one >&2; echo two; echo three >&2\n")
    await executor()

    both = await played.due("both.sh", merge_output=True)

    assert await played.text(both) == "one\ntwo\nthree\n"
    assert {chunk.stream for chunk in played.copies(both)} == {Stream.STDOUT}


async def test_a_script_that_is_gone_fails_with_words(executor: Start, played: Ledger) -> None:
    await executor()

    report = await played.ended(await played.due("gone.py"))

    assert (report.state, report.reason) == (RunState.FAILED, Reason.START_ERROR)
    assert report.detail == "scripts/gone.py does not exist any more. Restore it or edit the job."
    assert report.started_at is None
    assert played.started == []


async def test_a_program_that_cannot_be_executed_fails_with_words(
    executor: Start, played: Ledger, home: Path
) -> None:
    write_script(home, "bad", "#!/no/such/program\n")
    (home / "scripts" / "bad").chmod(0o755)
    await executor()

    report = await played.ended(await played.due("bad"))

    assert (report.state, report.reason, report.exit_code) == (RunState.FAILED, Reason.START_ERROR, None)
    assert "scripts/bad could not be started" in report.detail


async def test_the_timeout_of_a_job_ends_its_run(executor: Start, played: Ledger, home: Path) -> None:
    write_script(home, "forever.py", FOREVER)
    await executor()

    report = await played.ended(await played.due("forever.py", timeout_s=1))

    assert (report.state, report.signal) == (RunState.TIMED_OUT, 15)
    assert report.detail == "Stopped at its time limit of 1 s."


def say_in_console(broker: SessionBroker, vhost: str, attempt: AttemptRef) -> None:
    """Publish what a person would type into RabbitMQ's console."""
    ref = {"attempt_id": str(attempt.attempt_id), "token": attempt.token}
    about = {"id": str(new_id()), "source": "console", "time": "2026-01-01T00:00:00Z"}
    body = {"type": "run.cancel", "v": 1, **about, "attempt": ref}
    asked = {"properties": {}, "routing_key": control_key(NAME), "payload": json.dumps(body)}
    path = f"exchanges/{quote(vhost, safe='')}/portal.control/publish"
    broker.thread.run(broker.management.call("POST", path, {**asked, "payload_encoding": "string"}))


@pytest.mark.parametrize("by", ["message", "renewal", "console"])
async def test_a_run_is_cancelled_on_request(
    executor: Start, played: Ledger, home: Path, by: str, broker_node: SessionBroker, amqp_url: str
) -> None:
    write_script(home, "forever.py", FOREVER)
    await executor()
    wanted = await played.due("forever.py")
    await played.until(lambda: played.chunks)

    if by == "message":
        await played.say(RunCancel(source="test", time=instant(), attempt=wanted.ref))
    elif by == "console":
        say_in_console(broker_node, name_in(amqp_url), wanted.ref)
    else:
        played.says[wanted.ref.attempt_id] = Standing.CANCEL

    report = await played.ended(wanted)
    played.says.clear()
    assert (report.state, report.reason, report.signal) == (RunState.CANCELLED, Reason.REQUESTED, 15)


async def test_a_revoked_run_is_killed_at_once(executor: Start, played: Ledger, home: Path) -> None:
    write_script(home, "forever.py", FOREVER)
    await executor()
    wanted = await played.due("forever.py", kill_grace_s=1000)
    await played.until(lambda: played.chunks)

    played.says[wanted.ref.attempt_id] = Standing.REVOKED

    report = await played.ended(wanted)
    assert (report.state, report.reason, report.signal) == (RunState.LOST, Reason.REVOKED, 9)


async def test_a_report_is_repeated_until_it_is_settled(
    executor: Start, played: Ledger, clock: ShiftedClock, home: Path
) -> None:
    played.settles = False
    await executor()
    wanted = await played.due("hello.py")
    await played.ended(wanted)

    clock.shift = 3
    await played.due("hello.py")  # a change, which hurries the next renewal

    await played.until(lambda: len(played.reports(wanted)) >= 2)
    assert len({report.id for report in played.reports(wanted)}) == 1
    assert journal(home) != []
    played.settles = True
    await played.due("hello.py")

    await played.until(lambda: played.renewals[-1].unsettled == ())
    assert journal(home) == []


async def test_output_is_sent_again_until_it_is_stored(
    executor: Start, played: Ledger, clock: ShiftedClock, home: Path
) -> None:
    played.stores = False
    await executor()
    wanted = await played.due("hello.py")
    await played.text(wanted)
    await played.ended(wanted)
    assert len(spools(home)) == 1
    played.stores = True

    clock.shift = 11
    await played.ended(await played.due("hello.py"))  # makes the sender look at what it waits for

    await played.until(lambda: len(played.copies(wanted)) >= 2)
    assert len({chunk.id for chunk in played.copies(wanted)}) == 1
    await played.until(lambda: spools(home) == [])


async def test_runs_wait_in_the_queue_while_every_slot_is_taken(
    executor: Start, played: Ledger, home: Path
) -> None:
    write_script(home, "forever.py", FOREVER)
    await executor(executor_slots=2)
    running = [await played.due("forever.py") for _ in range(2)]
    await played.until(lambda: len(played.started) == 2)

    waiting = await played.due("hello.py")
    urgent = await played.due("hello.py", urgent=True)

    assert (await played.ended(urgent)).state is RunState.SUCCEEDED
    assert played.reports(waiting) == []
    for wanted in running:
        await played.say(RunCancel(source="test", time=instant(), attempt=wanted.ref))
    assert (await played.ended(waiting)).state is RunState.SUCCEEDED


async def test_a_run_that_may_be_repeated_elsewhere_ends_with_its_lease(
    executor: Start, played: Ledger, clock: ShiftedClock, home: Path
) -> None:
    write_script(home, "forever.py", FOREVER)
    clock.shift = -13  # what is left of the lease, as the keeper sees it: 2 s
    await executor()
    played.answers_renewals = False

    retry = await played.due("forever.py", on_lost=OnLost.RETRY)
    once = await played.due("forever.py", on_lost=OnLost.FAIL)
    report = await played.ended(retry)

    assert (report.state, report.reason, report.signal) == (RunState.LOST, Reason.SILENT, 9)
    played.answers_renewals = True
    count = len(played.renewals)
    await played.until(lambda: len(played.renewals) > count)
    assert played.renewals[-1].running == (once.ref,)
    await played.say(RunCancel(source="test", time=instant(), attempt=once.ref))
    await played.ended(once)


async def test_renewals_count_up_and_name_what_is_held(executor: Start, played: Ledger, home: Path) -> None:
    write_script(home, "forever.py", FOREVER)
    played.settles = False
    await executor()
    ended = await played.due("hello.py")
    held = await played.due("forever.py")

    await played.until(lambda: played.renewals[-1].running == (held.ref,) and played.renewals[-1].unsettled)

    assert played.renewals[-1].unsettled == (ended.ref,)
    beats = [renewal.beat_seq for renewal in played.renewals]
    assert beats == sorted(set(beats))
    heard = [renewal.answered_at for renewal in played.renewals]
    assert heard[0] is None
    assert heard[-1] in [answered.time for answered in played.renewal_answers]
    await played.say(RunCancel(source="test", time=instant(), attempt=held.ref))
    await played.ended(held)
    played.settles = True


async def test_an_executor_with_a_problem_says_so_and_takes_no_runs(
    executor: Start, played: Ledger, home: Path
) -> None:
    await executor()
    (home / "scripts").rename(home / "away")
    await played.until(lambda: played.renewals[-1].problems)
    wanted = await played.due("hello.py")
    assert "PORTAL_SCRIPTS_DIR" in played.renewals[-1].problems[0]

    (home / "away").rename(home / "scripts")

    assert (await played.ended(wanted)).state is RunState.SUCCEEDED
    assert played.renewals[-1].problems == ()


async def test_what_is_not_for_executors_is_parked_and_blocks_nothing(
    executor: Start, played: Ledger
) -> None:
    await executor()

    cancel = RunCancel(source="test", time=instant(), attempt=AttemptRef(AttemptId(new_id()), 1))
    key = due_key("default", urgent=False)
    await played.publisher.publish(Outgoing(exchange=Exchange.DUE, key=key, message=cancel))

    assert (await played.ended(await played.due("hello.py"))).state is RunState.SUCCEEDED
    assert await played.publisher.depth(DEAD) == 1
