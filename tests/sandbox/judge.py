"""Judges from outside what a script did: by files, processes, and who was reached, not by what it says."""

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

from tests.sandbox.ground import Ground

_PLACES = (
    "/", "/dev", "/dev/shm", "/etc", "/etc/cron.d", "/etc/init.d", "/etc/profile.d", "/etc/systemd/system",
    "/lib", "/opt", "/root", "/run", "/run/systemd/system", "/tmp", "/usr", "/usr/bin", "/usr/lib/python3.11",
    "/usr/lib/python3/dist-packages", "/usr/local/bin", "/usr/local/lib/python3.11/dist-packages", "/var/lib",
    "/var/spool/at", "/var/spool/cron", "/var/spool/cron/crontabs", "/var/tmp", "/sys/fs/cgroup", "/boot",
)  # fmt: skip
"""Where scripts try to leave something; whatever they make has their word in its name."""
_OWN_CHANGES = ("work", "runs", "states")
"""Folders of the ground in which runs come and go."""
_LIBC = ctypes.CDLL(None, use_errno=True)


def process(pid: int) -> tuple[object, ...] | None:
    """Return what others must not change of a process; None when it is no more."""
    folder = Path("/proc", str(pid))
    try:
        words = (folder / "stat").read_text().rpartition(")")[2].split()
        status = dict(
            line.split(":\t", 1) for line in (folder / "status").read_text().splitlines() if ":\t" in line
        )
        limits = _text(folder / "limits")
        score = _text(folder / "oom_score_adj")
    except (OSError, IndexError):
        return None
    if words[0] in "ZX":
        return None
    is_still = words[0] in "Tt" or status["TracerPid"] != "0"
    priority = _LIBC.syscall(31 if os.uname().machine == "aarch64" else 252, 1, pid)
    # Since when it lives, its nice value and class; where it may run.
    return (is_still, words[19], words[16], words[38], status["Cpus_allowed"], priority, limits, score)


def _text(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text()
    return ""


def working_folder(pid: int) -> str:
    """Return where a process works."""
    return str(Path(f"/proc/{pid}/cwd").readlink())


def below(pid: int) -> list[int]:
    """Return the descendants of a process, itself first."""
    parents: dict[int, list[int]] = {}
    for folder in _processes():
        with contextlib.suppress(OSError, IndexError):
            parents.setdefault(parent(int(folder.name)), []).append(int(folder.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def processes_with(word: str) -> list[int]:
    """Return the processes with this word in their arguments or environment: those of one run."""
    found = []
    for folder in _processes():
        with contextlib.suppress(OSError):
            if word.encode() in (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes():
                found.append(int(folder.name))
    return found


def parent(pid: int) -> int:
    """Return the pid of a process's parent."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _processes() -> list[Path]:
    return [folder for folder in Path("/proc").iterdir() if folder.name.isdigit()]


def files(ground: Ground) -> dict[str, tuple[object, ...]]:
    """Return all there is on the ground but runs' own folders, and what each is like."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, names in os.walk(ground.folder):
        folders[:] = [name for name in folders if name not in _OWN_CHANGES]
        for path in (folder, *(f"{folder}/{name}" for name in names)):
            with contextlib.suppress(FileNotFoundError):
                one = os.lstat(path)
                attributes = tuple(os.listxattr(path, follow_symlinks=False))
                found[path] = (
                    one.st_mode,
                    one.st_uid,
                    one.st_size,
                    one.st_mtime_ns,
                    attributes,
                )
    return found


def left_files(ground: Ground, word: str) -> Iterator[str]:
    """Yield what has this word in its name, wherever scripts try to leave something."""
    for folder in (
        *_PLACES,
        str(ground.open_tmp),
        str(ground.folder / "runs"),
        str(ground.folder / "home/work"),
    ):
        with contextlib.suppress(OSError):
            yield from (str(path) for path in Path(folder).iterdir() if word in path.name)


def left_ipc(word: str, key: int) -> Iterator[str]:
    """Yield and remove what is left in the kernel by this name and number."""
    for kind, get, control, more in (
        ("shared memory", _LIBC.shmget, _LIBC.shmctl, (0, 0)),
        ("semaphores", _LIBC.semget, _LIBC.semctl, (0, 0)),
        ("queue", _LIBC.msgget, _LIBC.msgctl, (0,)),
    ):
        number = get(key, *more)
        if number >= 0:
            control(number, 0, None) if kind != "semaphores" else control(number, 0, 0, None)
            yield f"System V {kind}"
    if _LIBC.mq_unlink(f"/{word}".encode()) == 0:
        yield "POSIX queue"
    if word in Path("/proc/net/unix").read_text(errors="replace"):
        yield "socket"
