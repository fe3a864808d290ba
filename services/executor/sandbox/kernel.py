"""The system calls that Python does not offer, by number: Linux on x86-64 and arm64."""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)

MACHINE = os.uname().machine
IS_KNOWN = MACHINE in {"x86_64", "aarch64"}
"""Whether the numbers here are those of this machine."""

# Calls that came after 2019 have one number everywhere.
MOUNT_SETATTR = 442
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
PIVOT_ROOT = 41 if MACHINE == "aarch64" else 155
SECCOMP = 277 if MACHINE == "aarch64" else 317

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38


def call(number: int, *arguments: object) -> int:
    """Make a system call, see syscall(2).

    Raises:
        OSError: with its errno.
    """
    return checked(LIBC.syscall(number, *arguments))


def checked(result: int) -> int:
    """Return what a function of the C library returned.

    Raises:
        OSError: it returned -1.
    """
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process, as `man 2 prctl` says.

    Raises:
        OSError: with its errno.
    """
    checked(LIBC.prctl(option, ctypes.c_ulong(value), 0, 0, 0))
