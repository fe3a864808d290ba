"""Executors that die, return, and lose their broker: real processes, killed for real."""

import hashlib
import signal
from pathlib import Path

import msgspec

from services.cli.broker_node import running_node
from services.executor.journal import Entry, Journal, Phase
from shared.domain.ids import AttemptId, BootId, ClaimId, JobId, RunId, new_id
from shared.domain.job import OnLost
from shared.domain.run import Reason, RunState
from shared.messages.answers import Grant
from shared.messages.envelope import AttemptRef
from tests.integration.executor.confined import is_dead
from tests.integration.executor.conftest import ExecutorProcess, process_of
from tests.integration.executor.stage import (
    BOUND_S,
    NAME,
    Ledger,
    Wanted,
    instant,
    journal,
    ledger,
    spools,
    write_script,
)
from tests.integration.executor.test_keeper import CHILDREN, LEAVES_CHILDREN
from tests.support.eventually import until

KEEPS = """
import os, pathlib
folder = pathlib.Path(os.environ["PORTAL_ARTIFACTS"])
(folder / "numbers.txt").write_text("".join(f"{number:06}\\n" for number in range(30_000)))
(folder / "a secret").symlink_to("/etc/passwd")
print("done")
"""
ENDLESS = LEAVES_CHILDREN + "os.write(1, b'%d\\n' % os.getpid())\ntime.sleep(1000)\n"


async def pids_of(played: Ledger, wanted: Wanted, count: int) -> list[int]:
    def words() -> list[str]:
        return "".join(chunk.text for chunk in played.copies(wanted)).split()

    await played.until(lambda: len(words()) == count)
    return [int(word) for word in words()]


async def test_a_killed_executor_leaves_no_process_and_its_return_tells_the_end(
    executor_process: ExecutorProcess, played: Ledger, home: Path
) -> None:
    write_script(home, "endless.py", ENDLESS)
    await executor_process.start()
    wanted = await played.due("endless.py")
    pids = await pids_of(played, wanted, CHILDREN + 1)

    await executor_process.end(signal.SIGKILL)
    assert all(is_dead(pid) for pid in pids)
    await executor_process.start()

    report = await played.ended(wanted)
    assert (report.state, report.reason) == (RunState.LOST, Reason.EXECUTOR_GONE)
    assert report.boot == played.started[0].boot
    assert report.last_seq == len({chunk.seq for chunk in played.copies(wanted)})
    await played.until(lambda: played.renewals[-1].boot != report.boot and not played.renewals[-1].unsettled)
    assert journal(home) == []
    assert not list((home / "executors" / NAME / "work").iterdir())
    assert (await played.ended(await played.due("hello.py"))).state is RunState.SUCCEEDED


async def test_reports_output_and_files_outlive_the_executor(
    executor_process: ExecutorProcess, played: Ledger, home: Path
) -> None:
    played.settles = played.stores = False
    write_script(home, "keeps.py", KEEPS)
    await executor_process.start()
    wanted = await played.due("keeps.py")
    report = await played.ended(wanted)
    text = await played.text(wanted)
    await executor_process.end(signal.SIGKILL)
    played.finished.clear()
    played.chunks.clear()
    played.settles = played.stores = True

    await executor_process.start()

    assert await played.ended(wanted) == report
    assert await played.text(wanted) == text
    assert text == "[Not kept: a secret: it is a link]\ndone\n"
    parts = [one.file for one in sorted(played.copies(wanted), key=lambda one: one.seq) if one.file]
    kept = b"".join(one.data for one in parts)
    assert kept == b"".join(b"%06d\n" % number for number in range(30_000))
    assert {one.name for one in parts} == {"numbers.txt"}
    assert [one.start for one in parts] == [0, 65_536, 131_072, 196_608]
    assert (parts[-1].size, parts[-1].sha256) == (len(kept), hashlib.sha256(kept).hexdigest())
    beats = len(played.renewals)
    await played.until(lambda: any(not beat.unsettled for beat in played.renewals[beats:]))
    assert (journal(home), spools(home)) == ([], [])


async def test_what_was_granted_and_not_started_is_released_by_the_next_boot(
    executor_process: ExecutorProcess, played: Ledger, home: Path
) -> None:
    folder = home / "executors" / NAME / "journal"
    folder.mkdir(parents=True)
    grant = a_grant_for(home)
    await Journal(folder).write(Entry(phase=Phase.GRANTED, grant=grant, at=instant()))

    await executor_process.start()

    await played.until(lambda: played.releases)
    (release,) = played.releases
    assert (release.boot, release.attempts) == (grant.boot, (AttemptRef(grant.attempt_id, grant.token),))
    assert played.started == []


def a_grant_for(home: Path) -> Grant:
    return Grant(
        claim_id=ClaimId(new_id()),
        executor=NAME,
        boot=BootId(new_id()),
        attempt_id=AttemptId(new_id()),
        token=3,
        number=1,
        run_id=RunId(new_id()),
        run_number=1,
        job_id=JobId(new_id()),
        job_name=home.name,
        script="hello.py",
        args=(),
        nominal_at=instant(),
        due_at=instant(),
        timeout_s=1,
        kill_grace_s=1,
        on_lost=OnLost.FAIL,
    )


async def test_a_signal_drains_and_a_second_one_stops_at_once(
    executor_process: ExecutorProcess, played: Ledger, home: Path
) -> None:
    write_script(home, "endless.py", ENDLESS)
    await executor_process.start()
    assert (await played.ended(await played.due("hello.py"))).exit_code == 0
    # Who leaves waits for these answers a few seconds at most; without them its next start tells all again.
    await until(lambda: (journal(home), spools(home)) == ([], []), within_s=BOUND_S)
    assert await executor_process.end(signal.SIGTERM) == 0
    await played.until(lambda: played.renewals[-1].leaving)
    assert not played.renewals[0].leaving

    await executor_process.start()
    wanted = await played.due("endless.py")
    pids = await pids_of(played, wanted, CHILDREN + 1)
    assert executor_process.process is not None
    executor_process.process.send_signal(signal.SIGTERM)
    await played.until(lambda: played.renewals[-1].draining)

    assert await executor_process.end(signal.SIGTERM) == 130
    assert all(is_dead(pid) for pid in pids)


async def test_a_run_outlives_its_broker_and_all_it_said_arrives(home: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    write_script(
        home,
        "prints.py",
        "import os, time\nfor n in range(10**6):\n print(n)\n time.sleep(0.02)\n"
        f" if os.path.exists({str(go)!r}): break\n",
    )
    async with (
        running_node(tmp_path / "node") as node,
        ledger(node.amqp_url) as played,
        process_of(node.amqp_url, home) as executor,
    ):
        await executor.start()
        wanted = await played.due("prints.py")
        await played.until(lambda: played.copies(wanted))

        await node.stop()
        await node.restart()
        go.touch()

        report = await played.ended(wanted)
        text = await played.text(wanted)
        assert report.state is RunState.SUCCEEDED
        numbers = text.split()
        assert numbers == [str(number) for number in range(len(numbers))]
        assert report.stdout_bytes == len(text)
        assert (await played.ended(await played.due("hello.py"))).state is RunState.SUCCEEDED
        assert await executor.end(signal.SIGTERM) == 0
    assert msgspec.json.encode(report.detail) == b'""'


async def test_a_drained_executor_does_not_wait_for_a_scheduler_and_a_store_that_are_gone(
    executor_process: ExecutorProcess, played: Ledger, home: Path
) -> None:
    played.settles = played.stores = False
    await executor_process.start()
    report = await played.ended(await played.due("hello.py"))
    played.answers_renewals = False

    assert await executor_process.end(signal.SIGTERM) == 0

    assert (len(journal(home)), len(spools(home)), report.last_seq) == (1, 1, 1)
