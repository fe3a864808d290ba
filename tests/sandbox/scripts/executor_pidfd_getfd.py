# Tries to take descriptors out of the executor, the spawner and its keeper by pidfd_getfd.
# Contained at: process, restricted, isolated

import os

from tools import claim, done, syscall, told, tries

for pid in map(int, (told["EXECUTOR"], told["SPAWNER"], told["KEEPER"], os.getppid())):
    held = tries(os.pidfd_open, pid)
    for number in range(20) if held is not None else ():
        taken = tries(syscall, "pidfd_getfd", held, number, 0)
        if taken is not None:
            claim(f"descriptor {number} of {pid}")
done()
