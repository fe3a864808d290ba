# Tries to leave its control group for another, to change the limits of one, and to mount them where it may.
# Contained at: process, restricted, isolated

import os

from tools import claim, done, syscall, tries

FILES = {"cgroup.procs": "0", "tasks": "0", "memory.max": "max", "pids.max": "max", "cgroup.subtree_control": "-pids"}


def set_to(path, text):
    with open(path, "w") as opened:
        opened.write(text)


roots = ["/sys/fs/cgroup", *(f"/proc/{pid}/root/sys/fs/cgroup" for pid in (1, os.getppid()))]
if tries(syscall, "mount", b"none", os.fsencode(os.getcwd()), b"cgroup2", 0, 0) is not None:
    claim("mounted")
    roots.append(os.getcwd())
for root in roots:
    for folder, _, names in os.walk(root):
        for name in FILES.keys() & set(names):
            if tries(set_to, os.path.join(folder, name), FILES[name]) is not None:
                claim(f"{folder}/{name}")
        if tries(os.mkdir, os.path.join(folder, "own")) is not None:
            claim(f"made {folder}/own")
            tries(os.rmdir, os.path.join(folder, "own"))
done()
