# Tries to learn by kcmp which objects the executor shares with others.
# Contained at: process, restricted, isolated

import os

from tools import claim, done, syscall, told, tries

for pid in map(int, (told["EXECUTOR"], told["SPAWNER"])):
    if tries(syscall, "kcmp", os.getpid(), pid, 1, 0, 0) is not None:
        claim("kcmp")
done()
