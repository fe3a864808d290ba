# Tries to make TIOCSTI and TIOCLINUX calls on a terminal of its own, as a test whether they are let through.
# Contained at: process, restricted, isolated

import ctypes
import pty

from tools import claim, done, libc, tries

pair = tries(pty.openpty)
if pair is not None:
    for request in (0x5412, 0x541C, 0x5412 | 1 << 33):
        result = libc.ioctl(pair[1], ctypes.c_ulong(request), b"x")
        if result == 0:
            claim(f"typed by {request:x}")
done()
