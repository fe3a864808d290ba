"""The scripts that drills run: they testify from outside the portal what really happened."""

from pathlib import Path
from typing import NamedTuple

WITNESS = """
import os, sys, time
line = f"{os.environ['PORTAL_RUN_ID']} {os.environ['PORTAL_ATTEMPT']} {os.environ['PORTAL_NOMINAL_AT']}\\n"
with open(sys.argv[1], "ab", buffering=0) as witness:
    witness.write(line.encode())
"""

FIRST_INSTRUCTION = """
import time; started = time.time_ns()
print(started)
"""

FAMILY = """
import os, subprocess, sys, time
sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
child = subprocess.Popen(sleeper)
stranger = subprocess.Popen(sleeper, start_new_session=True)
if (middle := os.fork()) == 0:
    os.setsid()
    orphan = subprocess.Popen(sleeper)
    print(orphan.pid, flush=True)
    os._exit(0)
os.waitpid(middle, 0)
print(os.getpid(), child.pid, stranger.pid, flush=True)
with open(sys.argv[1], "w") as ready:
    ready.write("ready")
time.sleep(600)
"""

SPEAKER = """
import time
for number in range(100):
    print("line", number, flush=True)
    time.sleep(0.2)
"""

SLEEPER = """
import sys, time
with open(sys.argv[1], "w") as ready:
    ready.write("ready")
time.sleep(35)
"""


LASTING = """
import os, sys, time
from datetime import datetime
due = datetime.fromisoformat(os.environ["PORTAL_NOMINAL_AT"].replace("Z", "+00:00")).timestamp()
witness = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def say(word):
    run, attempt = os.environ["PORTAL_RUN_ID"], os.environ["PORTAL_ATTEMPT"]
    late_s = time.time() - due
    os.write(witness, f"{word} {run} {attempt} {time.monotonic():.3f} {late_s:.3f}\\n".encode())


say("start")
time.sleep(float(sys.argv[2]))
say("end")
"""

ENDS = """
import os, sys
codes = sys.argv[1:]
sys.exit(int(codes[min(int(os.environ["PORTAL_ATTEMPT"]), len(codes)) - 1]))
"""


class Line(NamedTuple):
    """What LASTING testifies: at which instant of time.monotonic(), how long after its run was due."""

    word: str
    run: str
    attempt: int
    at: float
    late_s: float


def lines_of(witness: Path) -> list[Line]:
    """Read what LASTING has testified so far."""
    if not witness.exists():
        return []
    words = (line.split() for line in witness.read_text().splitlines())
    return [Line(word, run, int(n), float(at), float(late_s)) for word, run, n, at, late_s in words]


def written(folder: Path, **scripts: str) -> Path:
    """Write the scripts into a new scripts directory and return it."""
    root = folder / "scripts"
    root.mkdir()
    for name, text in scripts.items():
        (root / f"{name}.py").write_text(text.lstrip())
    return root
