# Tries to join the namespaces of the executor, of its keeper and of the first process.
# Contained at: process, restricted, isolated

import os

from tools import claim, done, syscall, told, tries

for pid in (told["EXECUTOR"], told["SPAWNER"], os.getppid(), 1):
    for kind in ("user", "mnt", "net", "pid", "ipc"):
        opened = tries(os.open, f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
        if opened is not None and tries(syscall, "setns", opened, 0) is not None:
            claim(f"{kind} of {pid}")
done()
