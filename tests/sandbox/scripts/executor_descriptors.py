# Tries to open what the executor has open, through /proc/PID/fd.
# Contained at: process, restricted, isolated

import os

from tools import done, leak, read, told, tries

for pid in (told["EXECUTOR"], told["SPAWNER"], told["KEEPER"], os.getppid()):
    for name in tries(os.listdir, f"/proc/{pid}/fd") or []:
        target = tries(os.readlink, f"/proc/{pid}/fd/{name}") or ""
        if target.startswith("/"):
            leak(tries(read, f"/proc/{pid}/fd/{name}"))
done()
