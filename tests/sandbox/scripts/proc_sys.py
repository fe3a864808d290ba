# Tries to change the kernel's settings: a name, the core pattern, the network, sysrq.
# Contained at: process, restricted, isolated

import os

from tools import claim, done, tries

for path in (
    "kernel/hostname",
    "kernel/core_pattern",
    "kernel/modprobe",
    "vm/overcommit_memory",
    "net/ipv4/ip_forward",
    "fs/protected_hardlinks",
    "kernel/sysrq",
):
    opened = tries(os.open, f"/proc/sys/{path}", os.O_WRONLY)
    if opened is not None:
        claim(path)
if tries(os.open, "/proc/sysrq-trigger", os.O_WRONLY) is not None:
    claim("sysrq")
done()
