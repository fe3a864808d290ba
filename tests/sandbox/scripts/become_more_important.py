# Tries to get more of the machine: negative nice, real-time classes, higher limits.
# Contained at: process, restricted, isolated

import os
import resource

from tools import claim, done, tries

if tries(os.setpriority, os.PRIO_PROCESS, 0, -5) is not None:
    claim("nice")
if tries(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1)) is not None:
    claim("real time")
for limit in (resource.RLIMIT_CORE, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE):
    _, hard = resource.getrlimit(limit)
    if hard >= 0 and tries(resource.setrlimit, limit, (hard + 1, hard + 1)) is not None:
        claim(f"limit {limit}")
done()
