# Tries to take the share of time of every process of its user, and of every process in the keepers' groups.
# Contained at: restricted, isolated

import os

from tools import done, syscall, told, tries

tries(os.setpriority, os.PRIO_USER, os.getuid(), 15)
tries(syscall, "ioprio_set", 3, os.getuid(), 3 << 13)
for pid in map(int, (told["EXECUTOR"], told["SPAWNER"])):
    tries(os.setpriority, os.PRIO_PGRP, pid, 15)
done()
