# Tries to attach to the executor, the spawner and its own keeper as a debugger, in both ways that there are.
# Contained at: process, restricted, isolated

import os
import time

from tools import claim, done, syscall, told, tries

for pid in map(int, (told["EXECUTOR"], told["SPAWNER"], os.getppid())):
    for request in (16, 0x4206):
        if tries(syscall, "ptrace", request, pid, 0, 0) is not None:
            claim(f"attached to {pid}")
            time.sleep(2)
done()
