"""What an executor gives up at its start, so that no script can take it from the executor.

At level `process` a script runs as the executor's own user. What root read before it became that user,
and what the kernel then refuses to show of a process that is not dumpable (environment, memory,
descriptors), such a script cannot read.
"""

import contextlib
import ctypes
import os
from collections.abc import Iterator

_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4


def hide() -> None:
    """Close /proc/<this process>/{environ,mem,fd,cwd,...} and ptrace to all but root; no core dumps.

    A change of user may undo it (fs.suid_dumpable): call it again then. Exec undoes it.

    Raises:
        SystemExit: the kernel did not do it.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise SystemExit("the kernel does not hide this process from scripts (prctl PR_SET_DUMPABLE).")


def become(user: int, group: int) -> None:
    """Become this user and group for good, without any other group; nothing happens if we are it.

    Only before any thread was started. What is open stays open.

    Raises:
        SystemExit: we may not, or could come back; says what to do.
    """
    wanted = ((user,) * 3, (group,) * 3)
    if (os.getresuid(), os.getresgid()) == wanted:
        return
    if os.geteuid() != 0:
        raise SystemExit(
            f"PORTAL_EXECUTOR_USER={user}:{group}: only root can become another user, and this is user "
            f"{os.geteuid()}. Start the executor as root, or leave the setting out."
        )
    try:
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
    except OSError as error:
        raise SystemExit(_cannot_become(user, group, error)) from error
    if (os.getresuid(), os.getresgid()) != wanted or _can_come_back():
        raise SystemExit(f"PORTAL_EXECUTOR_USER={user}:{group}: this process could become root again.")


@contextlib.contextmanager
def acting_as(user: int, group: int) -> Iterator[None]:
    """Make files as this user within the body, if we are root; only before any thread was started.

    Raises:
        SystemExit: we may not; says what to do.
    """
    if os.geteuid() != 0:
        yield
        return
    try:
        os.setegid(group)
        os.seteuid(user)
    except OSError as error:
        raise SystemExit(_cannot_become(user, group, error)) from error
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def _cannot_become(user: int, group: int, error: OSError) -> str:
    return (
        f"PORTAL_EXECUTOR_USER={user}:{group}: {error.strerror}. "
        "Give the executor the capabilities SETUID and SETGID."
    )


def _can_come_back() -> bool:
    for take, roots in ((os.setresuid, (0, 0, 0)), (os.setresgid, (0, 0, 0)), (os.setgroups, ([0],))):
        with contextlib.suppress(OSError):
            take(*roots)
            return True
    return False
