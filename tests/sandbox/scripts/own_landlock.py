# Tries to lift the fence by putting one of its own around itself that allows everything.
# Contained at: process, restricted, isolated

import ctypes

from tools import done, leak, libc, read, syscall, told, tries


class Rules(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64),)


rules = tries(syscall, "landlock_create_ruleset", ctypes.byref(Rules(1 << 2)), 8, 0)
if rules is not None:
    libc.syscall(ctypes.c_long(446), rules, 0)
leak(tries(read, told["UNLISTED"]))
done()
