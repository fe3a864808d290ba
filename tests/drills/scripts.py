"""The scripts that drills run: they testify from outside the portal what really happened."""

from pathlib import Path

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


def written(folder: Path, **scripts: str) -> Path:
    """Write the scripts into a new scripts directory and return it."""
    root = folder / "scripts"
    root.mkdir()
    for name, text in scripts.items():
        (root / f"{name}.py").write_text(text.lstrip())
    return root
