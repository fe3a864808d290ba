"""The folder that a job keeps between its runs: made at the first, and held by each while it goes on.

    ROOT/                 the folders of all jobs; every user may pass it
    ROOT/lock             held while a folder gets its user
    ROOT/<job id>/        the executor's own; besides it only the job's user may pass
    ROOT/<job id>/lock    held by each run; says what the job kept when that was counted last
    ROOT/<job id>/data    the job's, to do with as it likes

Where runs have users of their own, all runs of a job have the same: the group of its folder. Who has more
rights than the job never looks into `data`, and nothing else of this can be changed by a script.
"""

import contextlib
import errno
import fcntl
import os
import signal
import struct
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

SEEN_AT = "/state"
"""Where a run that has a root of its own finds the folder."""
DATA = "data"
PATIENCE_S = 30.0
"""So long a run waits for one of its job whose leftovers are just being removed: longer than its lease."""

_USERS = (range(2_010_000_000, 2_147_000_000), range(46_000, 60_000))
"""Users of jobs: above those that directories give to people and below systemd's; in a container that maps
only 65,536, where its image has nobody. None is a run's own: see `spawner.py`."""
_LOCK = "lock"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_TRIES = 5
_FLOCK = struct.Struct("@hhqqi4x")
_SIZE = 20


class State:
    """A job's folder in the hands of one process and those that it forks; a script has none of it."""

    def __init__(self, path: Path, folder: int, lock: int, user: int | None) -> None:
        self.path = str(path / DATA)
        self.user = user
        """Whom it belongs to; None: this process's user."""
        noted = os.pread(lock, _SIZE, 0).strip()
        self.size = int(noted) if noted.isdigit() else 0
        """What was in it when it was counted last, in bytes."""
        self._outer = path
        self._folder = folder
        self._lock = lock
        self._is_alone = False

    def is_alone(self) -> bool:
        """Say whether no other run of the job goes on; if so, none begins before `share` or `close`."""
        return self._is_alone or self._became_alone(0)

    def waits_alone(self, patience_s: float) -> bool:
        """Wait for the others to end, and say whether they did; meanwhile it is none of them itself."""
        self.release()
        return self._became_alone(patience_s)

    def _became_alone(self, patience_s: float) -> bool:
        try:
            _lock(self._lock, fcntl.F_WRLCK, patience_s)
        except (BlockingIOError, TimeoutError):
            return False
        self._is_alone = True
        return True

    def is_last(self) -> bool:
        """Hold it as a run no longer; say whether none does. If so, none begins before `share` or `close`.

        Of some that end at the same time, each of which would find the others, this is exactly one.
        """
        if not self._is_alone:
            self.release()
        return self.is_alone()

    def release(self) -> None:
        """Hold it as a run no longer."""
        _lock(self._lock, fcntl.F_UNLCK)
        self._is_alone = False

    def share(self) -> None:
        """Let other runs of the job begin again."""
        if self._is_alone:
            _lock(self._lock, fcntl.F_RDLCK)
            self._is_alone = False

    def note(self, size: int) -> None:
        """Remember what is in it, in bytes."""
        if size != self.size:
            os.pwrite(self._lock, b"%*d" % (_SIZE, size), 0)
            self.size = size

    def was_empty(self) -> bool:
        """Say whether there was nothing in it; the next run makes it again. For who is alone."""
        try:
            os.rmdir(DATA, dir_fd=self._folder)
        except OSError:
            return False
        return True

    def remove(self) -> None:
        """Remove it, if `data` is empty; for who is alone.

        Raises:
            OSError: something is left in it.
        """
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(DATA, dir_fd=self._folder)
        os.unlink(_LOCK, dir_fd=self._folder)
        self._outer.rmdir()

    def close(self) -> None:
        """Let it go."""
        os.close(self._folder)
        os.close(self._lock)


def take(root: str, job: str, *, own_users: bool) -> State:
    """Make the folder of a job, if there is none, and hold it; waits for one that is being removed.

    Raises:
        OSError: it cannot be made (any errno), is another user's or was made where runs have other users
            (EPERM), or is held by somebody who removes it (ETIMEDOUT).
    """
    path = Path(root, str(UUID(job)))
    for _ in range(_TRIES):
        try:
            folder = _folder_of(path, own_users=own_users)
        except FileNotFoundError:
            continue  # it was removed meanwhile
        try:
            user = _user_of(folder, own_users=own_users)
            lock = os.open(_LOCK, _FILE, 0o600, dir_fd=folder)
            try:
                _lock(lock, fcntl.F_RDLCK, PATIENCE_S)
                # Who removes a folder unlinks the lock that we waited for.
                os.stat(_LOCK, dir_fd=folder)
                _make_data(folder, user)
                return State(path, folder, lock, user)
            except BaseException:
                os.close(lock)
                raise
        except FileNotFoundError:
            os.close(folder)  # it was removed, and is made anew
        except BaseException:
            os.close(folder)
            raise
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))


def lacks(root: str, user: int | None) -> str:
    """Say why jobs can have no folders here, in words for people; empty: they can. Makes none.

    `user`: one that runs have, where they have users of their own.
    """
    if not root:
        return "not asked for"
    try:
        os.close(os.open(Path(root, _LOCK), _FILE, 0o600))
        if user is not None:
            _users()
    except OSError as error:
        return f"{root} cannot be used: {error.strerror}"
    if user is not None and not _can_pass(user, root):
        return f"{root} cannot be used: not every user can pass the folders above it"
    return ""


def jobs_in(root: Path) -> list[str]:
    """Return the ids of the jobs that have a folder here; blocks."""
    with contextlib.suppress(OSError):  # it is made by the first run
        return [name for name in os.listdir(root) if _is_id(name)]  # noqa: PTH208 - names, not paths
    return []


def is_jobs(user: int) -> bool:
    """Say whether a user or group is a job's."""
    return any(user in users for users in _USERS)


def mapped_users() -> int:
    """Return how many users there are where this process is."""
    lines = Path("/proc/self/uid_map").read_text("ascii").splitlines()
    return sum(int(line.split()[2]) for line in lines)


def _is_id(name: str) -> bool:
    with contextlib.suppress(ValueError):
        return str(UUID(name)) == name
    return False


def _folder_of(path: Path, *, own_users: bool) -> int:
    with contextlib.suppress(FileNotFoundError):
        folder = os.open(path, _FOLDER)
        if not own_users or os.fstat(folder).st_gid:
            return folder
        os.close(folder)
    lock = os.open(path.parent / _LOCK, _FILE, 0o600)
    try:
        _lock(lock, fcntl.F_WRLCK, PATIENCE_S)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        folder = os.open(path, _FOLDER)
        # What was made where runs have no users of their own has a group, too: nobody's, that is root's.
        if own_users and not os.fstat(folder).st_gid and DATA not in os.listdir(folder):  # noqa: PTH208 - an open folder
            os.fchmod(folder, 0o710)
            os.fchown(folder, -1, _free_user(path.parent))  # last: who finds a group asks no further
        return folder
    finally:
        os.close(lock)


def _user_of(folder: int, *, own_users: bool) -> int | None:
    found = os.fstat(folder)
    # To others than root such a group is one like any other, and may be their own.
    is_ours = is_jobs(found.st_gid) if own_users else os.geteuid() != 0 or not is_jobs(found.st_gid)
    if found.st_uid != os.geteuid() or not is_ours:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
    return found.st_gid if own_users else None


def _make_data(folder: int, user: int | None) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(DATA, 0o700, dir_fd=folder)
    owner = os.stat(DATA, dir_fd=folder, follow_symlinks=False).st_uid
    if user is not None and owner == os.geteuid():  # just made, by us or by another run
        os.chown(DATA, user, user, dir_fd=folder, follow_symlinks=False)


def _free_user(root: Path) -> int:
    """Choose a user whom no other job here has; by chance, for there may be other roots on the machine."""
    users, taken = _users(), set()
    with os.scandir(root) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):  # removed at this moment
                taken.add(entry.stat(follow_symlinks=False).st_gid)
    while (user := users[int.from_bytes(os.urandom(8)) % len(users)]) in taken:
        pass
    return user


def _can_pass(user: int, folder: str) -> bool:
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1] == 0
    try:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        Path(folder, _LOCK).stat()
        os._exit(0)
    finally:
        os._exit(1)


def _users() -> range:
    mapped = mapped_users()
    for users in _USERS:
        if users.stop <= mapped:
            return users
    raise OSError(errno.EINVAL, f"only {mapped} users are mapped here")


def _lock(fd: int, kind: int, patience_s: float = 0) -> None:
    """Take or change a lock of this open file; a refused change leaves it what it was, unlike flock(2).

    Raises:
        BlockingIOError: somebody else has it, and there is no patience.
        TimeoutError: nor did they let it go. ETIMEDOUT.
    """
    wanted = _FLOCK.pack(kind, os.SEEK_SET, 0, 0, 0)
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, wanted)
    except (BlockingIOError, PermissionError) as error:
        if not patience_s:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error
        with _alarm(patience_s):
            fcntl.fcntl(fd, fcntl.F_OFD_SETLKW, wanted)


@contextlib.contextmanager
def _alarm(patience_s: float) -> Iterator[None]:
    def end(*_: object) -> None:
        raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, patience_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
