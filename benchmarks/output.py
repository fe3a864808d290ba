"""What floods of output cost an executor: `./portal bench output [MEGABYTES]`, 2,000 unless it is said.

Real scripts under real keepers, read as an executor reads them, into a spool on disk; no broker. Exit code
1 if a byte is not accounted for, or if memory grows beyond its target. Figures of processor time depend on
the machine: they are shown beside their targets.
"""

import asyncio
import math
import multiprocessing
import re
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from services.executor.long_lines import CUT_HERE
from services.executor.masking import MASK
from services.executor.output import Output
from services.executor.sandbox.command import Command
from services.executor.sandbox.fence import Level
from services.executor.sandbox.process import Order, Setup, Spawner
from services.executor.spool import Spools
from shared.domain.ids import AttemptId, BootId, ClaimId, ExecutorName, JobId, RunId, new_id
from shared.domain.job import OnLost
from shared.messages.answers import Grant
from shared.messages.events import Stream
from shared.runtime.clock import SystemClock

CAP = 10_000_000
MEGABYTE = 1_000_000
MOST_GROWTH_MB = 16
MOST_OF_A_CORE = 10
NAME = ExecutorName("bench")

FLOOD = "import os\ntext = {text}\nfor _ in range({blocks}): os.write(1, text)"
NOT_BLOCKING = """
import os, select
os.set_blocking(1, False)
text = memoryview(b'5 megabytes through a pipe that does not block.\\n' * {lines})
while text:
    try:
        text = text[os.write(1, text):]
    except BlockingIOError:
        select.select([], [1], [])
"""
ALTERNATING = "import os\nfor _ in range({bytes} // 2):\n os.write(1, b'o')\n os.write(2, b'e')"
SECRET = "hunter2"  # noqa: S105 - nobody's
SECRETS = (SECRET, "a much longer secret\nof two lines")
OUR_WORDS = re.compile(re.escape(CUT_HERE) + r"|\n?\[\.\.\. [\d,]+ bytes dropped \.\.\.\]\n")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A script, how many bytes it prints, and the secrets that are not to be seen."""

    name: str
    code: str
    printed: int
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one case cost."""

    took_s: float
    cpu_s: float
    growth_mb: float
    kept: int
    printed: int
    dropped: int


def main() -> int:
    """Print a line for each case; return 1 if a target is missed that does not depend on the machine."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    print(f"cap {CAP / MEGABYTE:g} MB; beyond it a script is read at about 20 MB/s, up to it at its own pace")
    print(
        f"{'':28}{'printed MB':>11}{'s':>7}{'CPU s/GB':>10}{'% of a core':>13}"
        f"{'memory MB':>11}{'kept':>12}{'dropped':>15}"
    )
    share, growth = f"<= {MOST_OF_A_CORE}", f"<= {MOST_GROWTH_MB}"
    print(f"{'targets':56}{share:>13}{growth:>11}{'<= cap':>12}{'the rest':>15}", flush=True)
    # A process for each: what one has allocated is not to be found free by the next.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=fresh, max_tasks_per_child=1) as pool:
        cases = _cases(size)
        passed = [
            _told(case, figures) for case, figures in zip(cases, pool.map(_measured, cases), strict=True)
        ]
    return 0 if all(passed) else 1


def _cases(megabytes: int) -> list[Case]:
    def flood(name: str, piece: str, size_mb: int, **other: tuple[str, ...]) -> Case:
        block = f"({piece} * 65536)[:65536]"
        blocks = math.ceil(size_mb * MEGABYTE / 65_536)
        return Case(name=name, code=FLOOD.format(text=block, blocks=blocks), printed=blocks * 65_536, **other)

    return [
        flood(f"flood of {megabytes:,} MB", "b'a line of a flood, as long as most lines are\\n'", megabytes),
        flood(
            "the same with secrets", "b'token=hunter2 and an ordinary line of text\\n'", 64, secrets=SECRETS
        ),
        Case(name="line of 64 MB", code="print('x' * 64_000_000)", printed=64_000_001),
        Case(name="5 MB, not blocking", code=NOT_BLOCKING.format(lines=104_167), printed=104_167 * 48),
        flood("no UTF-8", "b'\\xff'", 64),
        flood("NUL", "b'\\0'", 64),
        Case(name="bytes in turns", code=ALTERNATING.format(bytes=12 * MEGABYTE), printed=12 * MEGABYTE),
    ]


def _told(case: Case, figures: Figures) -> bool:
    share = 100 * figures.cpu_s / figures.took_s
    print(
        f"{case.name:28}{figures.printed / MEGABYTE:>11,.0f}{figures.took_s:>7.1f}"
        f"{figures.cpu_s / figures.printed * 1e9:>10.2f}{share:>13.1f}{figures.growth_mb:>11.1f}"
        f"{figures.kept:>12,}{figures.dropped:>15,}",
        flush=True,
    )
    is_exact = figures.printed == case.printed == figures.kept + figures.dropped
    if not is_exact:
        print(f"  missed: {case.printed:,} bytes were printed, {figures.printed:,} counted")
    return is_exact and figures.growth_mb <= MOST_GROWTH_MB and figures.kept <= CAP


def _measured(case: Case) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_run(case, Path(folder)))


async def _run(case: Case, folder: Path) -> Figures:
    grant, spools = _grant(), Spools(folder)
    output = Output(
        grant, executor=NAME, spools=spools, clock=SystemClock(), on_disk_full=_fail, secrets=case.secrets
    )
    order = _order(case.code, folder)
    spawner = Spawner(folder / "keeper", Setup(level=Level.PROCESS, work_root=folder))
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far  # noqa: ASYNC240
    before_mb, began, cpu = _memory_mb("VmRSS"), time.monotonic(), time.process_time()
    script = spawner.start(order, output.take)
    ended = await script.ended
    output.finish()
    took_s, cpu_s = time.monotonic() - began, time.process_time() - cpu
    growth_mb = _memory_mb("VmHWM") - before_mb
    await script.gone
    spawner.close()
    assert ended.exit_code == 0, ended
    chunks = [chunk for _, chunk in spools.unsent(limit=100_000)]
    kept = sum(_printed("".join(one.text for one in chunks if one.stream is stream)) for stream in Stream)
    spools.give_up(grant.attempt_id)
    return Figures(
        took_s=took_s,
        cpu_s=cpu_s,
        growth_mb=growth_mb,
        kept=kept,
        printed=sum(map(output.printed_bytes, Stream)),
        dropped=sum(map(output.dropped_bytes, Stream)),
    )


def _printed(text: str) -> int:
    """Return how many bytes a text stands for, in scripts whose every byte is one character."""
    return len(OUR_WORDS.sub("", text)) + (len(SECRET) - len(MASK)) * text.count(MASK.decode())


def _memory_mb(name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"), re.MULTILINE)
    assert found
    return int(found[1]) * 1024 / MEGABYTE


def _order(code: str, folder: Path) -> Order:
    return Order(
        command=Command(argv=(sys.executable, "-I", "-S", "-u", "-c", code), env={"PATH": "/usr/bin:/bin"}),
        work_dir=folder / "work",
        timeout_s=3_600,
        kill_grace_s=1,
        lease_until=math.inf,
    )


def _grant() -> Grant:
    now = datetime.now(UTC)
    return Grant(
        claim_id=ClaimId(new_id()),
        executor=NAME,
        boot=BootId(new_id()),
        attempt_id=AttemptId(new_id()),
        token=1,
        number=1,
        run_id=RunId(new_id()),
        run_number=1,
        job_id=JobId(new_id()),
        job_name="bench",
        script="bench.py",
        args=(),
        nominal_at=now,
        due_at=now,
        timeout_s=3_600,
        kill_grace_s=1,
        on_lost=OnLost.FAIL,
        max_output_bytes=CAP,
    )


def _fail(error: OSError) -> None:
    raise SystemExit(f"no room for the spool in {tempfile.gettempdir()}: {error.strerror}. Set TMPDIR.")


if __name__ == "__main__":
    sys.exit(main())
