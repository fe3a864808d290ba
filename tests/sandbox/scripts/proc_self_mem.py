# Tries to write into read-only memory of its own and of its keeper by /proc/PID/mem.
# Contained at: process, restricted, isolated

import os

from tools import claim, done, told, tries

for pid in ("self", os.getppid(), told["EXECUTOR"]):
    opened = tries(os.open, f"/proc/{pid}/mem", os.O_RDWR)
    if opened is not None and pid != "self":
        claim(f"memory of {pid}")
done()
