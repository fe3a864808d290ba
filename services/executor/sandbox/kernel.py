"""What Python does not offer: system calls by number (x86-64, arm64), and children that nobody holds up."""

import contextlib
import ctypes
import os
import select
import signal
from collections.abc import Callable

LIBC = ctypes.CDLL(None, use_errno=True)

MACHINE = os.uname().machine
# Calls that came after 2019 have one number everywhere.
MOUNT_SETATTR = 442
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
PIVOT_ROOT = 41 if MACHINE == "aarch64" else 155
SECCOMP = 277 if MACHINE == "aarch64" else 317

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
_PR_CAPBSET_DROP = 24
CAP_CHOWN, CAP_KILL, CAP_SETGID, CAP_SETUID = 0, 5, 6, 7
_LAST_CAPABILITY = 63
_STOPPED_MS = 500
"""After so long a child is told to go on, in case somebody stopped it."""
_CAPABILITIES_OF_64_BITS = 0x20080522


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


def keep_capabilities(*kept: int) -> None:
    """Give up every capability of this process and all it starts but these; for good, with no_new_privs.

    Those that it does not have it does not get: see capabilities(7).

    Raises:
        OSError: with its errno.
    """
    for number in range(_LAST_CAPABILITY + 1):
        if number not in kept:
            LIBC.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(number), 0, 0, 0)  # unknown, or not ours to drop
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_OF_64_BITS, 0)
    # Twice effective, permitted, inheritable: the lower 32, and the upper.
    sets = (ctypes.c_uint32 * 6)()
    checked(LIBC.capget(header, sets))
    mask = sum(1 << number for number in kept)
    for place, wanted in enumerate((mask, mask, 0, 0, 0, 0)):
        sets[place] &= wanted
    checked(LIBC.capset(header, sets))


def in_child(act: Callable[[], None]) -> bool:
    """Act in a forked child, and return whether that came to its end, and was not killed."""
    pid = os.fork()
    if pid:
        return os.WIFEXITED(_status_of(pid))
    try:
        os.setpgid(0, 0)
        act()
    finally:
        os._exit(0)


def _status_of(pid: int) -> int:
    poll = select.poll()
    poll.register(held := os.pidfd_open(pid), select.POLLIN)
    while not poll.poll(_STOPPED_MS):
        # Before Linux 6.12 another run of its job may have stopped it, and would keep us for ever.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGCONT)
    os.close(held)
    return os.waitpid(pid, 0)[1]
