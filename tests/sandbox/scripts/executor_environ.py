# Tries to read the secrets in the environments of the executor, the spawner, its own keeper and all their threads.
# Contained at: process, restricted, isolated

import os

from tools import done, leak, read, told, tries

for pid in (told["EXECUTOR"], told["SPAWNER"], told["KEEPER"], os.getppid(), 1):
    leak(tries(read, f"/proc/{pid}/environ"))
    leak(tries(read, f"/proc/{pid}/task/{pid}/environ"))
    leak(tries(read, f"/proc/{pid}/cmdline"))
done()
