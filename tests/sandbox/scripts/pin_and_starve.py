# Tries to pin the executor to one processor and take its share of time: affinity, nice, I/O class, scheduling class.
# Contained at: restricted, isolated

import os

from tools import done, syscall, told, tries

for pid in map(int, (told["EXECUTOR"], told["SPAWNER"], told["KEEPER"], told["OTHER"])):
    tries(os.sched_setaffinity, pid, {0})
    tries(os.setpriority, os.PRIO_PROCESS, pid, 19)
    tries(syscall, "ioprio_set", 1, pid, 3 << 13)
    tries(os.sched_setscheduler, pid, os.SCHED_IDLE, os.sched_param(0))
done()
