"""The output of an attempt when there is no room for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.executor.output import Output
from services.executor.spool import Spools
from shared.domain.ids import ExecutorName
from shared.messages.events import Stream
from shared.runtime.clock import SystemClock
from tests.support.full_disk import no_file_beyond
from tests.unit.services.executor.grants import A_GRANT

ATTEMPT = A_GRANT.attempt_id


def an_output(spools: Spools, failures: list[OSError]) -> Output:
    return Output(
        A_GRANT,
        executor=ExecutorName("here"),
        spools=spools,
        clock=SystemClock(),
        on_disk_full=failures.append,
    )


def texts(spools: Spools) -> str:
    return "".join(chunk.text for _, chunk in spools.unsent(limit=100))


@pytest.fixture
def full_disk() -> Iterator[None]:
    with no_file_beyond(50_000):
        yield


async def test_when_the_spools_are_full_the_rest_is_dropped_and_counted(tmp_path: Path) -> None:
    spools, failures = Spools(tmp_path, max_bytes=60_000), list[OSError]()
    output = an_output(spools, failures)

    for _ in range(10):
        output.take(Stream.STDOUT, b"x\n" * 16_384)
    output.finish()

    assert texts(spools).count("x") == 32_768
    assert texts(spools).endswith("[... 262,144 bytes dropped ...]\n")
    assert output.dropped_bytes(Stream.STDOUT) == 8 * 32_768
    assert failures == []
    spools.give_up(ATTEMPT)


@pytest.mark.usefixtures("full_disk")
async def test_a_full_disk_is_told_once_and_what_was_kept_stays_whole(tmp_path: Path) -> None:
    spools, failures = Spools(tmp_path), list[OSError]()
    output = an_output(spools, failures)

    for _ in range(10):
        output.take(Stream.STDOUT, b"x\n" * 16_384)
    output.finish()

    assert len(failures) == 1
    assert texts(spools) == "x\n" * 16_384
    assert output.last_seq == spools.last_seq(ATTEMPT) == 1
    assert output.dropped_bytes(Stream.STDOUT) == 9 * 32_768
    spools.give_up(ATTEMPT)


async def test_a_short_line_waits_no_longer_than_the_next_flush(tmp_path: Path) -> None:
    spools = Spools(tmp_path)
    output = an_output(spools, [])

    output.take(Stream.STDOUT, b"hello\n")
    spools.changed.clear()
    await spools.changed.wait()

    assert texts(spools) == "hello\n"
    output.finish()
    spools.give_up(ATTEMPT)
