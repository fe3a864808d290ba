# Tries to read, trace, stop and kill another run of its own job, which has the same user and goes on.
# Of the same job as the other run
# Contained at: restricted, isolated

import os
import signal
import time

from tools import claim, done, leak, memory, read, syscall, told, tries, words_of, write

other, folder = int(told["OTHER"]), told["OTHER_FOLDER"]
assert os.environ["PORTAL_STATE_DIR"] in {told["OTHER_STATE"], "/state"}
assert told["LEVEL"] == "isolated" or os.stat(f"/proc/{other}").st_uid == os.getuid()
for path in (f"{folder}/kept", f"/proc/{other}/cwd/kept", f"/proc/{other}/root{folder}/kept"):
    leak(tries(read, path))
    if folder != os.getcwd() and tries(write, path):
        claim(f"wrote {path}")
print(tries(os.listdir, folder))
leak(tries(read, f"/proc/{other}/environ"))
leak(words_of(tries(memory, other)))
print(tries(os.listdir, f"/proc/{other}/fd"))
if tries(syscall, "ptrace", 16, other, 0, 0):
    claim("traced it")
# Before Linux 6.12 Landlock cannot keep signals from processes of the same user.
if tries(syscall, "landlock_create_ruleset", 0, 0, 1) in {6, 7, 8, 9} or told["LEVEL"] != "restricted":
    for pid in (other, int(told["KEEPER"]), -1):
        tries(os.kill, pid, signal.SIGSTOP)
        tries(os.kill, pid, signal.SIGKILL)
time.sleep(0.3)
done()
