# Tries to hang in vfork, where a parent cannot be interrupted while its child shares its memory.
# Contained at: process, restricted, isolated
# Time limit: 1 s

import ctypes
import os
import time

from tools import libc

print("ready", flush=True)
# CLONE_VM, CLONE_VFORK: a shell is started, which the parent waits for before it hears a signal.
os.posix_spawn("/bin/sh", ["sh", "-c", "trap '' TERM; sleep 20 & sleep 20"], {}, setsigdef=[])
libc.signal(15, ctypes.c_void_p(1))
if os.uname().machine == "x86_64" and libc.syscall(ctypes.c_long(58)) == 0:
    libc.sleep(20)
    libc._exit(0)
time.sleep(20)
