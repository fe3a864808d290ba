"""What the executor keeps on disk: journal, spool, work folders."""

import os
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import pytest

from services.executor.identity import Identity
from services.executor.journal import Entry, Journal, Phase
from services.executor.recovery import recover
from services.executor.sandbox.fence import remove_tree
from services.executor.sandbox.interpreter import find_python
from services.executor.spool import Spool, Spools
from shared.domain.ids import AttemptId, BootId, ExecutorName, JobId, RunId
from shared.domain.run import RunState
from shared.messages.events import RunFinished, RunOutput, Stream
from shared.runtime.clock import SystemClock
from tests.support.full_disk import no_file_beyond
from tests.unit.services.executor.grants import A_GRANT, INSTANT, a_grant

ATTEMPT = A_GRANT.attempt_id


def a_chunk(seq: int, *, attempt_id: AttemptId = ATTEMPT, text: str = "text\n") -> RunOutput:
    return RunOutput(
        source="test",
        time=INSTANT,
        job_id=JobId(UUID(int=8)),
        run_id=RunId(UUID(int=6)),
        attempt_id=attempt_id,
        token=4,
        executor=ExecutorName("here"),
        seq=seq,
        stream=Stream.STDOUT,
        at=INSTANT,
        text=text,
    )


def a_report() -> RunFinished:
    return RunFinished(
        source="test",
        time=INSTANT,
        run_id=A_GRANT.run_id,
        attempt_id=ATTEMPT,
        token=4,
        executor=ExecutorName("here"),
        boot=A_GRANT.boot,
        state=RunState.FAILED,
        exit_code=3,
        finished_at=INSTANT,
    )


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    (tmp_path / "journal").mkdir()
    return Journal(tmp_path / "journal")


def an_identity() -> Identity:
    return Identity(
        name=ExecutorName("here"),
        boot=BootId(UUID(int=1)),
        host="",
        pid=1,
        started_at=INSTANT,
        slots=1,
        pools=(),
        sandbox="process",
    )


async def test_the_journal_returns_the_last_word_on_each_attempt(journal: Journal) -> None:
    other = a_grant(attempt_id=AttemptId(UUID(int=99)))
    finished = Entry(phase=Phase.FINISHED, grant=A_GRANT, at=INSTANT, report=a_report())
    granted = Entry(phase=Phase.GRANTED, grant=other, at=INSTANT)
    await journal.write(Entry(phase=Phase.SPAWNING, grant=A_GRANT, at=INSTANT))
    await journal.write(granted)
    await journal.write(finished)

    assert journal.read() == [finished, granted]


def test_an_entry_without_room_leaves_the_earlier_one_and_no_draft(journal: Journal, tmp_path: Path) -> None:
    spawning = Entry(phase=Phase.SPAWNING, grant=A_GRANT, at=INSTANT)
    journal.write_now(spawning)
    wordy = Entry(phase=Phase.SPAWNING, grant=a_grant(args=("x" * 60_000,)), at=INSTANT)

    with no_file_beyond(50_000), pytest.raises(OSError, match="No space"):
        journal.write_now(wordy)

    assert list(tmp_path.rglob("*.new")) == []
    assert journal.read() == [spawning]


def test_what_is_lost_is_told_although_it_cannot_be_written_down(journal: Journal, tmp_path: Path) -> None:
    wordy = Entry(phase=Phase.SPAWNING, grant=a_grant(args=("x" * 60_000,)), at=INSTANT)
    journal.write_now(wordy)

    with no_file_beyond(50_000):
        owed = recover(
            journal,
            Spools(tmp_path / "spool"),
            identity=an_identity(),
            work_root=tmp_path / "work",
            clock=SystemClock(),
        )

    assert [report.state for report in owed.reports] == [RunState.LOST]
    assert journal.read() == [wordy]


async def test_a_settled_attempt_is_forgotten_and_may_be_again(journal: Journal) -> None:
    await journal.write(Entry(phase=Phase.GRANTED, grant=A_GRANT, at=INSTANT))

    await journal.remove(ATTEMPT)
    await journal.remove(ATTEMPT)

    assert journal.read() == []


async def test_what_a_killed_boot_was_writing_is_removed(journal: Journal, tmp_path: Path) -> None:
    entry = Entry(phase=Phase.SPAWNING, grant=A_GRANT, at=INSTANT)
    await journal.write(entry)
    (tmp_path / "journal" / f"{ATTEMPT}.new").write_bytes(b'{"phase": "fini')

    assert journal.read() == [entry]
    assert [path.suffix for path in (tmp_path / "journal").iterdir()] == [".json"]


async def test_a_broken_entry_is_set_aside_and_hides_no_other(journal: Journal, tmp_path: Path) -> None:
    entry = Entry(phase=Phase.SPAWNING, grant=A_GRANT, at=INSTANT)
    await journal.write(entry)
    (tmp_path / "journal" / "0.json").write_bytes(b'{"phase": "spaw')

    assert journal.read() == [entry]
    assert (tmp_path / "journal" / "0.unreadable").exists()
    assert journal.read() == [entry]


async def test_a_write_that_was_cut_off_leaves_the_earlier_entry(journal: Journal, tmp_path: Path) -> None:
    entry = Entry(phase=Phase.SPAWNING, grant=A_GRANT, at=INSTANT)
    await journal.write(entry)
    (tmp_path / "journal" / f"{ATTEMPT}.new").write_bytes(b'{"phase":')

    assert journal.read() == [entry]


def test_the_spool_gives_back_what_it_took(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "x.chunks")
    chunks = [a_chunk(seq, text="é" * seq) for seq in range(1, 50)]
    for chunk in chunks:
        spool.append(chunk)

    assert [spool.read(seq) for seq in range(1, 50)] == chunks
    assert not spool.delivered.is_set()
    spool.close(delete=True)


def test_after_a_crash_the_spool_holds_every_whole_chunk(tmp_path: Path) -> None:
    before = Spools(tmp_path)
    before.load()
    for seq in (1, 2, 3):
        before.append(a_chunk(seq))
    before.of(ATTEMPT).close(delete=False)
    path = tmp_path / f"{ATTEMPT}.chunks"
    os.truncate(path, path.stat().st_size - 1)

    after = Spools(tmp_path)
    after.load()

    assert after.last_seq(ATTEMPT) == 2
    assert [chunk.seq for _, chunk in after.unsent(limit=10)] == [1, 2]
    after.give_up(ATTEMPT)
    assert list(tmp_path.iterdir()) == []


def test_a_spool_stays_until_its_attempt_has_ended_and_all_of_it_is_stored(tmp_path: Path) -> None:
    spools = Spools(tmp_path)
    for seq in (1, 2):
        spools.append(a_chunk(seq))
    path = tmp_path / f"{ATTEMPT}.chunks"

    spools.store(ATTEMPT, 2)
    assert path.exists()
    spools.append(a_chunk(3))
    spools.complete(ATTEMPT)
    assert path.exists()
    assert spools.store(ATTEMPT, 3)

    assert not path.exists()
    assert spools.is_empty
    assert not spools.store(ATTEMPT, 3)


def test_an_attempt_that_printed_nothing_leaves_no_file(tmp_path: Path) -> None:
    spools = Spools(tmp_path)
    spools.complete(ATTEMPT)

    assert spools.is_empty
    assert list(tmp_path.iterdir()) == []


def test_only_what_the_broker_has_not_confirmed_is_to_be_sent(tmp_path: Path) -> None:
    spools = Spools(tmp_path)
    for seq in range(1, 6):
        spools.append(a_chunk(seq))
    spool = spools.of(ATTEMPT)

    assert [chunk.seq for _, chunk in spools.unsent(limit=3)] == [1, 2, 3]
    spool.confirm(3)
    assert [chunk.seq for _, chunk in spools.unsent(limit=3)] == [4, 5]
    spool.confirm(5)
    assert spool.delivered.is_set()
    spools.store(ATTEMPT, 2)
    spool.send_again()
    assert [chunk.seq for _, chunk in spools.unsent(limit=9)] == [3, 4, 5]
    spools.give_up(ATTEMPT)


def test_the_spools_together_have_a_bound_and_an_age(tmp_path: Path) -> None:
    spools = Spools(tmp_path, max_bytes=1_000)
    spools.append(a_chunk(1))
    assert not spools.is_full
    spools.append(a_chunk(2, text="x" * 1_000))
    assert spools.is_full
    spools.complete(ATTEMPT)

    assert spools.expired(now_s=time.time()) == []
    assert spools.expired(now_s=time.time() + 24 * 3600 + 60) == [ATTEMPT]
    spools.give_up(ATTEMPT)


def test_a_hostile_tree_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    script = "import os\nfor _ in range(1500):\n os.mkdir('d'); os.chdir('d')"
    folder.mkdir()
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True)
    (folder / "closed").mkdir()
    (folder / "closed" / "file").write_text("x")
    (folder / "closed").chmod(0)
    (folder / os.fsdecode(b"\xff\xfe")).mkdir()
    (folder / "out").symlink_to(tmp_path / "kept")
    (tmp_path / "kept").mkdir()

    remove_tree(folder)
    remove_tree(folder)

    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_python_that_does_not_work_is_refused_when_it_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="PORTAL_SCRIPT_PYTHON"):
        find_python(Path("/bin/false"))
    assert find_python(Path(sys.executable)) == Path(sys.executable)
    assert find_python(None).exists()
