"""Closes the file system, signals and abstract sockets to this process and all it starts: landlock(7)."""

import ctypes
import functools
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from services.executor.sandbox import kernel

_ABI_OF_TRUNCATE, _ABI_OF_IOCTL, _ABI_OF_SCOPES = 3, 5, 6

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FIRST = (1 << 13) - 1
"""Every right of the first ABI: all of the above and to make and remove what a folder holds."""
_MAKE_DEVICES = 1 << 6 | 1 << 11
_READS = _EXECUTE | _READ_FILE | _READ_DIR
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1, 2
_PATH_BENEATH = 1


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


@functools.cache  # of one boot it is always the same, and each fork would ask three times
def abi() -> int:
    """Return which Landlock the kernel announces; 0: none. What it really does, only a probe tells."""
    try:
        return kernel.call(kernel.LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    except OSError:
        return 0


def has_scopes() -> bool:
    """Say whether signals and abstract sockets can be confined: from Linux 6.12 on."""
    return abi() >= _ABI_OF_SCOPES


def sees_cuts() -> bool:
    """Say whether cutting a file by its path can be confined: from Linux 6.2 on."""
    return abi() >= _ABI_OF_TRUNCATE


def restrict(*, readable: Iterable[str], writable: Iterable[str]) -> None:
    """Let this process reach these paths, and what is below them, and no others; for good.

    Paths that do not exist are left out. Needs no_new_privs. Signals and abstract sockets reach only
    processes that are restricted together with this one, from ABI 6 on.

    Raises:
        OSError: the kernel has no Landlock, or not switched on.
    """
    handled = _handled(abi())
    with _ruleset(handled) as ruleset:
        for path in readable:
            _allow(ruleset, path, handled & _READS)
        for path in writable:
            _allow(ruleset, path, handled & ~_MAKE_DEVICES)
        kernel.call(kernel.LANDLOCK_RESTRICT_SELF, ruleset, ctypes.c_uint32(0))


def scope() -> None:
    """Let signals and abstract sockets reach only what this process starts; files are not touched.

    Raises:
        OSError: the kernel has no scopes.
    """
    with _ruleset(0) as ruleset:
        kernel.call(kernel.LANDLOCK_RESTRICT_SELF, ruleset, ctypes.c_uint32(0))


@contextmanager
def _ruleset(handled: int) -> Iterator[int]:
    scopes = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if has_scopes() else 0
    wanted = _Ruleset(handled, 0, scopes)
    size = ctypes.sizeof(wanted) if scopes else ctypes.sizeof(ctypes.c_uint64)
    fd = kernel.call(
        kernel.LANDLOCK_CREATE_RULESET, ctypes.byref(wanted), ctypes.c_size_t(size), ctypes.c_uint32(0)
    )
    try:
        yield fd
    finally:
        os.close(fd)


def _handled(version: int) -> int:
    handled = _FIRST
    if version > 1:
        handled |= _REFER
    if version >= _ABI_OF_TRUNCATE:
        handled |= _TRUNCATE
    if version >= _ABI_OF_IOCTL:
        handled |= _IOCTL_DEV
    return handled


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # not there, or not for this user: nothing to allow
    try:
        if not stat.S_ISDIR(os.fstat(parent).st_mode):
            rights &= _OF_FILES
        rule = _PathBeneath(rights, parent)
        kernel.call(kernel.LANDLOCK_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(parent)
