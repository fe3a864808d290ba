"""A kernel without Landlock, for the program that follows: python -m tests.sandbox.old_kernel -m PROGRAM ...

Its calls are refused as by kernels that never heard of them; everything else is this kernel's.
"""

import errno
import os
import struct
import sys

from services.executor.sandbox import kernel, seccomp

_NUMBER, _AT_LEAST, _RETURN, _ERRNO, _ALLOW = 0x20, 0x35, 0x06, 0x00050000, 0x7FFF0000
_PROGRAM = (
    (_NUMBER, 0, 0, 0),
    (_AT_LEAST, 0, 2, kernel.LANDLOCK_CREATE_RULESET),
    (_AT_LEAST, 1, 0, kernel.LANDLOCK_RESTRICT_SELF + 1),
    (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
    (_RETURN, 0, 0, _ALLOW),
)

if __name__ == "__main__":
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    seccomp.install(b"".join(struct.pack("=HBBI", *instruction) for instruction in _PROGRAM))
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
