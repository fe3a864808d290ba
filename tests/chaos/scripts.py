"""The one script of all jobs: it testifies by itself when it started, whom it met, and when it ended.

Each line of the witness is one write to a file opened for appending. Whether two scripts ran together
is not computed from times: each holds a lock on a file of its run (and of its job or shared limit, where
few may run at once), which the kernel gives up with the last process that has it open.
"""

from pathlib import Path

NAME = "player.py"

_PLAYER = r"""
import fcntl, os, signal, sys, time

folder, room, places, seconds, codes, lines, habit = sys.argv[1:8]
run, attempt = os.environ["PORTAL_RUN_ID"], os.environ["PORTAL_ATTEMPT"]
witness = os.open(f"{folder}/witness", os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def say(word):
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    os.write(witness, f"{word} {run} {attempt} {os.getpid()} {now}\n".encode())


def is_let_in(name, places):
    for place in range(places):
        door = os.open(f"{folder}/locks/{name}.{place}", os.O_RDWR | os.O_CREAT)
        os.set_inheritable(door, True)
        try:
            fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            os.close(door)
    return False


say("start")
if not is_let_in(run, 1):
    say("together")
if int(places) and not is_let_in(room, int(places)):
    say("crowd")
if habit == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if habit == "family" and os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
for number in range(int(lines)):
    print(f"{run} {attempt} line {number} " + "ü" * (number % 40), flush=True)
    time.sleep(float(seconds) / int(lines))
say("end")
codes = codes.split(",")
sys.exit(int(codes[min(int(attempt), len(codes)) - 1]))
"""


def written(folder: Path) -> Path:
    """Write the script into a new scripts directory and make what it needs; return the directory."""
    root = folder / "scripts"
    root.mkdir()
    (root / NAME).write_text(_PLAYER.lstrip(), encoding="utf-8")
    (folder / "locks").mkdir()
    return root


def printed(run_id: str, attempt: int, lines: int) -> str:
    """Return all that the script prints in this attempt if it comes to its end."""
    return "".join(f"{run_id} {attempt} line {number} {'ü' * (number % 40)}\n" for number in range(lines))
