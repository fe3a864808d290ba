# Tries to change the hardware's settings and the control groups by /sys.
# Contained at: process, restricted, isolated

import os

from tools import claim, done, nonce, tries

for folder, _, names in os.walk("/sys/fs/cgroup"):
    for name in ("cgroup.procs", "cgroup.subtree_control", "memory.max", "tasks"):
        if name in names and tries(os.open, f"{folder}/{name}", os.O_WRONLY) is not None:
            claim(f"{folder}/{name}")
    break
for path in ("/sys/kernel/mm/transparent_hugepage/enabled", "/sys/power/state", "/sys/kernel/uevent_helper"):
    if tries(os.open, path, os.O_WRONLY) is not None:
        claim(path)
tries(os.mkdir, f"/sys/fs/cgroup/{nonce}")
done()
