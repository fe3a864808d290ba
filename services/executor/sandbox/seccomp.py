"""Refuses system calls that no job script needs and that reach beyond its sandbox: seccomp(2).

A list of what is refused, not of what is allowed: scripts are anybody's programs, in any language. What
is refused is what opens the kernel's rarely used parts, looks into or changes other processes, makes
namespaces, mounts, or leaves things behind that no process owns. Pure, but for `install`.
"""

import ctypes
import errno
import struct
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from services.executor.sandbox import kernel

Instruction = tuple[int, int, int, int]
"""Code, two jumps, and a value: the kernel's struct sock_filter."""

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_ARCHES: Mapping[str, int] = MappingProxyType({"x86_64": 0xC000003E, "aarch64": 0xC00000B7})
_X32_BIT = 0x40000000
_SET_MODE_FILTER = 1

# Name: number on x86-64, number on arm64 (None: not there).
_NOT_PERMITTED: Mapping[str, tuple[int, int | None]] = MappingProxyType(
    {
        # Other processes.
        "ptrace": (101, 117),
        "process_vm_readv": (310, 270),
        "process_vm_writev": (311, 271),
        "kcmp": (312, 272),
        "pidfd_getfd": (438, 438),
        "migrate_pages": (256, 238),
        "move_pages": (279, 239),
        # Namespaces and mounts.
        "unshare": (272, 97),
        "setns": (308, 268),
        "mount": (165, 40),
        "umount2": (166, 39),
        "pivot_root": (155, 41),
        "chroot": (161, 51),
        "open_tree": (428, 428),
        "move_mount": (429, 429),
        "fsopen": (430, 430),
        "fsconfig": (431, 431),
        "fsmount": (432, 432),
        "fspick": (433, 433),
        "mount_setattr": (442, 442),
        "name_to_handle_at": (303, 264),
        "open_by_handle_at": (304, 265),
        "fanotify_init": (300, 262),
        "quotactl": (179, 60),
        "quotactl_fd": (443, 443),
        # The machine.
        "reboot": (169, 142),
        "kexec_load": (246, 104),
        "kexec_file_load": (320, 294),
        "init_module": (175, 105),
        "finit_module": (313, 273),
        "delete_module": (176, 106),
        "swapon": (167, 224),
        "swapoff": (168, 225),
        "acct": (163, 89),
        "settimeofday": (164, 170),
        "clock_settime": (227, 112),
        "clock_adjtime": (305, 266),
        "adjtimex": (159, 171),
        "sethostname": (170, 161),
        "setdomainname": (171, 162),
        "syslog": (103, 116),
        "vhangup": (153, 58),
        "iopl": (172, None),
        "ioperm": (173, None),
        "modify_ldt": (154, None),
        "lookup_dcookie": (212, 18),
        "nfsservctl": (180, 42),
        "uselib": (134, None),
        "sysfs": (139, None),
        # Parts of the kernel that faults were found in again and again.
        "bpf": (321, 280),
        "perf_event_open": (298, 241),
        "userfaultfd": (323, 282),
        # Keys outlive the process and are shared by all of a user.
        "add_key": (248, 217),
        "request_key": (249, 218),
        "keyctl": (250, 219),
    }
)
_NOT_THERE: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        # The flags of clone3 lie in memory, where a filter cannot look: libraries fall back to clone.
        "clone3": (435, 435),
        "io_uring_setup": (425, 425),
        "io_uring_enter": (426, 426),
        "io_uring_register": (427, 427),
    }
)
_OUTLIVE_A_RUN: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "shmget": (29, 194),
        "shmat": (30, 196),
        "shmctl": (31, 195),
        "semget": (64, 190),
        "semctl": (66, 191),
        "msgget": (68, 186),
        "msgctl": (71, 187),
        "mq_open": (240, 180),
    }
)
"""System V's and POSIX' queues and segments, where no namespace of their own ends with the run."""

_MARK_FILES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "setxattr": (188, 5),
        "lsetxattr": (189, 6),
        "fsetxattr": (190, 7),
        "removexattr": (197, 14),
        "lremovexattr": (198, 15),
        "fremovexattr": (199, 16),
        "setxattrat": (463, 463),
        "removexattrat": (466, 466),
    }
)
"""Extended attributes: Landlock does not see them, and who may write to a file may change them."""

_CUT: tuple[int, int] = (76, 45)
"""truncate: cuts a file by its path. Who opened one to write to it cuts it by ftruncate."""

_SOCKET, _SOCKETPAIR, _CLONE, _IOCTL = (41, 198), (53, 199), (56, 220), (16, 29)
_NEW_NAMESPACES = 0x7E020000
_TERMINAL_INPUT = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX: they type into the terminal that somebody may have started us from."""
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_STREAM, _SEQPACKET, _KIND = 1, 5, 0xF


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class Allowed(NamedTuple):  # no dataclass: that brings a dozen modules, which every fork copies
    """What a filter lets through that it need not."""

    sockets: bool
    """Those of the network."""
    unix: bool
    """With `sockets`: those with a path or a name."""
    own_root: bool
    """The run sees no files and no queues of others."""
    cuts: bool = True
    """Files by their path: Landlock sees that, or there are no others' files."""


def filtering(allowed: Allowed, machine: str = kernel.MACHINE) -> bytes:
    """Return the filter as the kernel wants it, an array of struct sock_filter.

    Raises:
        ValueError: for a machine whose numbers are not known here.
    """
    instructions = list(_program(allowed, machine))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def install(program: bytes) -> None:
    """Put the filter before every system call of this process and all it starts; for good.

    Needs no_new_privs.

    Raises:
        OSError: the kernel refuses it.
    """
    held = ctypes.create_string_buffer(program, len(program))
    whole = _Program(len(program) // 8, ctypes.addressof(held))
    kernel.call(kernel.SECCOMP, _SET_MODE_FILTER, ctypes.c_uint32(0), ctypes.byref(whole))


def _program(allowed: Allowed, machine: str) -> Iterator[Instruction]:
    column = list(_ARCHES).index(machine)
    yield (_LOAD, 0, 0, _ARCH_AT)
    yield (_IF_EQUAL, 1, 0, _ARCHES[machine])
    yield _refuse(errno.ENOSYS)  # a program of 32 bits: its numbers mean other calls
    yield (_LOAD, 0, 0, _NUMBER_AT)
    if machine == "x86_64":
        yield (_IF_AT_LEAST, 0, 1, _X32_BIT)
        yield _refuse(errno.ENOSYS)
    for numbers in _NOT_PERMITTED.values():
        yield from _refused(numbers[column], errno.EPERM)
    if not allowed.cuts:
        yield from _refused(_CUT[column], errno.EPERM)
    for numbers in (_NOT_THERE if allowed.own_root else {**_NOT_THERE, **_OUTLIVE_A_RUN}).values():
        yield from _refused(numbers[column], errno.ENOSYS)
    for numbers in () if allowed.own_root else _MARK_FILES.values():
        yield from _refused(numbers[column], errno.EOPNOTSUPP)
    for body, numbers in (
        (_on_socket(sockets=allowed.sockets, unix=allowed.unix), _SOCKET),
        (_on_socketpair(), _SOCKETPAIR),
        (_on_clone(), _CLONE),
        (_on_ioctl(), _IOCTL),
    ):
        yield (_IF_EQUAL, 0, len(body), numbers[column])
        yield from body
    yield (_RETURN, 0, 0, _ALLOW)


def _refused(number: int | None, error: int) -> Iterator[Instruction]:
    if number is not None:
        yield (_IF_EQUAL, 0, 1, number)
        yield _refuse(error)


def _refuse(error: int) -> Instruction:
    return (_RETURN, 0, 0, _ERRNO | error)


def _on_socket(*, sockets: bool, unix: bool) -> list[Instruction]:
    if not sockets:
        return [_refuse(errno.EACCES)]
    return [
        _load(0),
        (_IF_EQUAL, 5, 0, _UNIX if unix else _INET),
        (_IF_EQUAL, 4, 0, _INET),
        (_IF_EQUAL, 3, 0, _INET6),
        (_IF_EQUAL, 0, 3, _NETLINK),
        _load(2),
        (_IF_EQUAL, 0, 1, 0),  # the routing table, which name look-ups read
        (_RETURN, 0, 0, _ALLOW),
        _refuse(errno.EACCES),
    ]


def _on_socketpair() -> list[Instruction]:
    # One of a pair of datagram sockets may be connected again, to somebody else.
    return [
        _load(0),
        (_IF_EQUAL, 0, 5, _UNIX),
        _load(1),
        (_AND, 0, 0, _KIND),
        (_IF_EQUAL, 1, 0, _STREAM),
        (_IF_EQUAL, 0, 1, _SEQPACKET),
        (_RETURN, 0, 0, _ALLOW),
        _refuse(errno.EACCES),
    ]


def _on_clone() -> list[Instruction]:
    return [_load(0), (_IF_ANY_BIT, 0, 1, _NEW_NAMESPACES), _refuse(errno.EPERM), (_RETURN, 0, 0, _ALLOW)]


def _on_ioctl() -> list[Instruction]:
    first, second = _TERMINAL_INPUT
    return [
        _load(1),
        (_IF_EQUAL, 1, 0, first),
        (_IF_EQUAL, 0, 1, second),
        _refuse(errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _load(argument: int) -> Instruction:
    # The lower half, on machines that keep it first: all that the kernel itself looks at, for these.
    return (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument)
