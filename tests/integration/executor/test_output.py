"""The output of an attempt: whatever a script prints, and when there is no room for it."""

import asyncio
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.executor.long_lines import CUT_HERE
from services.executor.output import Output
from services.executor.sandbox import process
from services.executor.sandbox.fence import Level
from services.executor.sandbox.process import Ended, Setup, Spawner, StoppedBy
from services.executor.spool import Spools
from shared.domain.ids import ExecutorName
from shared.messages.events import Stream
from shared.runtime.clock import SystemClock
from tests.integration.executor.confined import BOUND_S, an_order, python
from tests.support.full_disk import no_file_beyond
from tests.unit.services.executor.grants import A_GRANT, a_grant

ATTEMPT = A_GRANT.attempt_id
OUR_WORDS = re.compile(re.escape(CUT_HERE) + r"|\n?\[\.\.\. [\d,]+ bytes dropped \.\.\.\]\n")

TWO_FLOODS = r"""
import os
for number in range(300):
    os.write(1, b"out %7d " % number * 800 + b".")
    os.write(2, b"err %7d " % number * 800 + b".")
"""
NOT_BLOCKING = r"""
import os, select
os.set_blocking(1, False)
text = memoryview(b"0123456789abcde.\n"[:16] * 300_000)
while text:
    try:
        text = text[os.write(1, text):]
    except BlockingIOError:
        select.select([], [1], [])
"""
LATE = r"""
import os
there, here = os.pipe()
if os.fork() == 0:
    os.setsid()
    os.write(here, b".")
    while True:
        os.write(1, b"late ")  # no line of its own: where one ends, our words need no new one
os.read(there, 1)
os.write(1, b"done\n")
"""


def an_output(spools: Spools, failures: list[OSError], *, cap: int = 10_000_000) -> Output:
    return Output(
        a_grant(max_output_bytes=cap),
        executor=ExecutorName("here"),
        spools=spools,
        clock=SystemClock(),
        on_disk_full=failures.append,
    )


def texts(spools: Spools) -> str:
    return "".join(chunk.text for _, chunk in spools.unsent(limit=100))


@dataclass(frozen=True, kw_only=True)
class Captured:
    """What is left of a script's output, without our own words in it."""

    ended: Ended
    kept: dict[Stream, str]
    printed: dict[Stream, int]
    dropped: dict[Stream, int]

    @property
    def is_exact(self) -> bool:
        """For scripts whose every byte is one character."""
        return all(len(self.kept[one]) + self.dropped[one] == self.printed[one] for one in Stream)


async def captured(folder: Path, code: str, *, cap: int = 10_000_000, timeout_s: float = 20) -> Captured:
    spools, failures = Spools(folder), list[OSError]()
    output = an_output(spools, failures, cap=cap)
    order = an_order(folder, *python(code), timeout_s=timeout_s, grace_s=20)
    spawner = Spawner(folder / "keeper", Setup(level=Level.PROCESS, work_root=folder))
    script = spawner.start(order, output.take)
    async with asyncio.timeout(BOUND_S):
        ended = await script.ended
        await script.gone
    spawner.close()
    output.finish()
    found = [chunk for _, chunk in spools.unsent(limit=10_000)]
    spools.give_up(ATTEMPT)
    assert failures == []
    shown = {one: "".join(chunk.text for chunk in found if chunk.stream is one) for one in Stream}
    return Captured(
        ended=ended,
        kept={one: OUR_WORDS.sub("", text) for one, text in shown.items()},
        printed={one: output.printed_bytes(one) for one in Stream},
        dropped={one: output.dropped_bytes(one) for one in Stream},
    )


@pytest.fixture
def full_disk() -> Iterator[None]:
    with no_file_beyond(50_000):
        yield


@pytest.mark.parametrize(
    ("code", "cap", "out", "err"),
    [
        pytest.param(TWO_FLOODS, 300_000, 2_880_300, 2_880_300, id="two floods"),
        pytest.param("print('x' * 5_000_000)", 10_000_000, 5_000_001, 0, id="a line of 5 MB that fits"),
        pytest.param("print('x' * 5_000_000)", 100_000, 5_000_001, 0, id="a line of 5 MB that does not"),
        pytest.param(NOT_BLOCKING, 100_000, 4_800_000, 0, id="a pipe that does not block"),
        pytest.param("import os; os.write(2, b'\\xff' * 300_000)", 100_000, 0, 300_000, id="no UTF-8"),
        pytest.param("import os; os.write(1, b'\\0' * 300_000)", 100_000, 300_000, 0, id="NUL"),
        pytest.param("import os; os.write(1, b'\\1' * 300_000)", 10**7, 300_000, 0, id="control characters"),
        pytest.param(
            "import os; os.close(1); os.write(2, b'still here')", 100_000, 0, 10, id="closed stdout"
        ),
    ],
)
async def test_whatever_is_printed_is_kept_or_counted(
    tmp_path: Path, code: str, cap: int, out: int, err: int
) -> None:
    captive = await captured(tmp_path, code, cap=cap)

    kept = sum(map(len, captive.kept.values()))
    assert captive.ended.exit_code == 0
    assert captive.printed == {Stream.STDOUT: out, Stream.STDERR: err}
    assert captive.is_exact
    assert min(0.99 * cap, out + err) <= kept <= cap


async def test_the_end_of_a_flood_is_its_newest_bytes_in_their_order(tmp_path: Path) -> None:
    captive = await captured(tmp_path, TWO_FLOODS, cap=300_000)

    tails = 0
    for stream, word in ((Stream.STDOUT, "out"), (Stream.STDERR, "err")):
        printed = "".join(f"{word} {number:7} " * 800 + "." for number in range(300))
        kept = captive.kept[stream]
        head = next(size for size in range(len(kept), -1, -1) if printed.startswith(kept[:size]))
        assert printed.endswith(kept[head:])
        tails += len(kept) - head
    assert 28_000 < tails <= 30_000


async def test_who_prints_when_the_script_has_ended_is_read_to_its_end(tmp_path: Path) -> None:
    captive = await captured(tmp_path, LATE, cap=100_000)

    assert (captive.ended.exit_code, captive.ended.stopped_by) == (0, None)
    assert "done\n" in captive.kept[Stream.STDOUT] or captive.dropped[Stream.STDOUT]
    assert captive.is_exact


async def test_a_flood_waits_for_us_and_its_end_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "FLOOD_BYTES_PER_S", 1)
    flood = "import os\nfor _ in range(1000): os.write(1, b'flood.' * 5_000)"

    captive = await captured(tmp_path, flood, cap=100_000, timeout_s=1)

    assert (captive.ended.stopped_by, captive.ended.signal) == (StoppedBy.TIMEOUT, signal.SIGTERM)
    assert 0 < captive.dropped[Stream.STDOUT] < 300_000
    assert captive.is_exact


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
