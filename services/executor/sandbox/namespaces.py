"""A root, a process tree, a network and more of its own for one run: namespaces(7), user_namespaces(7).

Everything here happens in a process that was forked for it. Without privileges: the user namespace
gives the rights to make the others, and they end where it ends.
"""

import contextlib
import ctypes
import fcntl
import os
import socket
import stat
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

from services.executor.sandbox import kernel

HOME = "/work"
"""The script's folder, in its own root."""

_NEW_MOUNTS, _NEW_CGROUP, _NEW_UTS, _NEW_IPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
_NEW_USER, _NEW_PIDS, _NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
_NOSUID, _NODEV, _NOEXEC, _BIND, _REC, _PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_ATTR_READ_ONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_BASE = "/tmp"  # noqa: S108 - a folder that exists everywhere, to mount on in a namespace of our own


class _Attributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns", ctypes.c_uint64),
    )


def enter(*, network: bool) -> None:
    """Put this process, which must have one thread, into namespaces of its own; its children's pids too.

    With `network` it keeps the network that it has; without, it has a loopback that nobody else is on.

    Raises:
        OSError: the system lets no ordinary user make namespaces.
    """
    user, group = os.geteuid(), os.getegid()
    wanted = _NEW_USER | _NEW_MOUNTS | _NEW_PIDS | _NEW_UTS | _NEW_IPC | _NEW_CGROUP
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # else its maps are root's, who it may not be any more
    kernel.checked(kernel.LIBC.unshare(wanted if network else wanted | _NEW_NETWORK))
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    if not network:
        _raise_loopback()


def take_root(
    *, readable: Iterable[str], writable: Iterable[str], shown: Mapping[str, str], size_bytes: int
) -> None:
    """Give this process a root in memory, with these paths of the old one in it and a folder for the run.

    `shown`: further writable ones, and where each is seen.

    What is written there counts against `size_bytes`, and is gone when the last process is. Only in the
    first process of the namespaces that `enter` made: /proc is to show its own.

    Raises:
        OSError: it cannot be made, say because /proc is masked here, as in most containers.
    """
    _mount(None, "/", None, _REC | _PRIVATE)
    _mount("tmpfs", _BASE, "tmpfs", _NOSUID | _NODEV, f"mode=0755,size={size_bytes}")
    old, new = Path(_BASE, "old"), Path(_BASE, "new")
    old.mkdir()
    new.mkdir(mode=0o755)
    _mount(str(new), str(new), None, _BIND | _REC)
    kernel.call(kernel.PIVOT_ROOT, os.fsencode(_BASE), os.fsencode(old))
    os.chdir("/")
    _fill(readable=readable, writable={**{path: path for path in writable}, **shown})
    kernel.checked(kernel.LIBC.umount2(b"/old", _DETACH))
    os.chdir("/new")
    kernel.call(kernel.PIVOT_ROOT, b".", b".")
    kernel.checked(kernel.LIBC.umount2(b".", _DETACH))
    os.chdir("/")
    kernel.checked(kernel.LIBC.sethostname(b"run", 3))


def _fill(*, readable: Iterable[str], writable: Mapping[str, str]) -> None:
    for folder in ("dev", "dev/shm", "proc", "run", "tmp", "var/tmp", HOME[1:]):
        Path("/new", folder).mkdir(mode=0o700, parents=True)
    _mount("proc", "/new/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    for name in _DEVICES:
        with contextlib.suppress(OSError):
            _bind(f"/dev/{name}")
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        Path("/new/dev", name).symlink_to(f"/proc/self/fd{target}")
    for path in readable:
        if _bind(path):
            _set_attributes(path, _ATTR_READ_ONLY | _ATTR_NOSUID | _ATTR_NODEV)
    for path, seen_at in writable.items():
        if _bind(path, seen_at):
            _set_attributes(seen_at, _ATTR_NOSUID | _ATTR_NODEV)


def _bind(path: str, seen_at: str = "") -> bool:
    """Show the old root's path in the new one; False when there is nothing, or only a link to follow."""
    old, new = Path(f"/old{path}"), Path(f"/new{seen_at or path}")
    try:
        kind = old.lstat().st_mode
    except OSError:
        return False
    if os.path.lexists(new):
        return False  # below something that is shown already
    new.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if stat.S_ISLNK(kind):
        new.symlink_to(old.readlink())
        return False
    if stat.S_ISDIR(kind):
        new.mkdir(mode=0o755)
    else:
        new.touch(mode=0o600)
    _mount(str(old), str(new), None, _BIND | _REC)
    return True


def _set_attributes(path: str, wanted: int) -> None:
    attributes = _Attributes(wanted, 0, 0, 0)
    kernel.call(
        kernel.MOUNT_SETATTR,
        _AT_FDCWD,
        os.fsencode(f"/new{path}"),
        ctypes.c_uint(_AT_RECURSIVE),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    kernel.checked(
        kernel.LIBC.mount(
            source and os.fsencode(source),
            os.fsencode(target),
            kind and os.fsencode(kind),
            ctypes.c_ulong(flags),
            os.fsencode(options),
        )
    )


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", _IFF_UP))


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
