# Tries to be root in a user namespace of its own, by unshare, clone and clone3.
# Contained at: restricted, isolated

import ctypes
import os

from tools import claim, done, syscall, tries

for flags in (0x10000000, 0x10000000 | 0x20000, 0x20000, 0x40000000, 0x20000000):
    child = os.fork()
    if child == 0:
        if tries(syscall, "unshare", flags) is not None:
            claim(f"unshare {flags:x}")
        os._exit(0)
    os.waitpid(child, 0)
for name in ("clone",):
    child = tries(syscall, name, 0x10000000 | 17, 0, 0, 0, 0)
    if child == 0:
        claim(name)
        os._exit(0)
    if child:
        os.waitpid(child, 0)
wanted = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17)
child = tries(syscall, "clone3", ctypes.byref(wanted), ctypes.c_size_t(88))
if child == 0:
    claim("clone3")
    os._exit(0)
if child:
    os.waitpid(child, 0)
done()
