"""What the scripts here have in common: what they are told, system calls by number, and their first word."""

import ctypes
import os
import re
import sys

told = dict(word.split("=", 1) for word in sys.argv[1:])
nonce = told["NONCE"]
key = int(nonce[1:8], 16) + 1
libc = ctypes.CDLL(None, use_errno=True)
_is_arm = os.uname().machine == "aarch64"

# x86-64, arm64
NUMBERS = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "kcmp": (312, 272), "prlimit": (302, 261),
    "ioprio_set": (251, 30), "clone3": (435, 435), "clone": (56, 220), "unshare": (272, 97), "setns": (308, 268),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "fsopen": (430, 430),
    "open_tree": (428, 428), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "sethostname": (170, 161), "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171),
    "reboot": (169, 142), "swapon": (167, 224), "init_module": (175, 105), "kexec_load": (246, 104),
    "quotactl": (179, 60), "syslog": (103, 116), "acct": (163, 89), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "fanotify_init": (300, 262), "migrate_pages": (256, 238),
    "process_madvise": (440, 440), "socket": (41, 198), "landlock_create_ruleset": (444, 444),
}  # fmt: skip


def syscall(name, *arguments):
    """Make a system call; OSError when it is refused."""
    wide = [ctypes.c_void_p(one) if isinstance(one, int) else one for one in arguments]
    result = libc.syscall(ctypes.c_long(NUMBERS[name][_is_arm]), *wide)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def tries(act, *arguments):
    """Return what `act` returns, True for nothing, or None when it is refused: a script only tries."""
    try:
        returned = act(*arguments)
        return True if returned is None else returned
    except (OSError, ValueError, PermissionError) as error:
        print("refused:", getattr(act, "__name__", act), error)
        return None


def leak(content):
    """Print what was read: the judge looks for the decoys' words in it."""
    if content is not None:
        sys.stdout.write(content if isinstance(content, str) else bytes(content).decode("latin-1"))
        print()


def read(path):
    """Return a file's bytes, at most a megabyte."""
    with open(path, "rb", 0) as opened:
        return opened.read(1_000_000)


def write(path, text="changed"):
    """Write to a file, whether it is there or not."""
    with open(path, "a") as opened:
        opened.write(f"{nonce} {text}\n")


def memory(pid):
    """Return what a process has in its writable memory, at most 64 MB of it."""
    found = bytearray()
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as opened:
        for line in maps:
            first, last = (int(place, 16) for place in line.split()[0].split("-"))
            if line.split()[1].startswith("rw") and last - first < 64_000_000 and len(found) < 64_000_000:
                opened.seek(first)
                found += opened.read(last - first) or b""
    return found


def words_of(content):
    """Return the decoys' words in what was read: all of it would be too much to print."""
    return b" ".join(re.findall(rb"decoy-[a-z]+-[0-9a-f]+", bytes(content or b"")))


def claim(what):
    """Say that something worked that nobody can see from outside."""
    print(f"claimed {nonce}: {what}", flush=True)


def done():
    """Say that every line was reached."""
    print(f"end {nonce}", flush=True)


print(f"begin {nonce}", flush=True)
