"""Small disks of the executors' own, which can be full: memory file systems, where we may mount them."""

import errno
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_BYTES = 100_000_000
"""An executor takes no runs with less than 64 MB."""


@dataclass(frozen=True, slots=True)
class Disk:
    """One of them."""

    folder: Path

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self) -> None:
        """Leave not a byte; again, if something was freed since."""
        room = os.statvfs(self.folder)
        piece = room.f_bavail * room.f_frsize
        with self._ballast.open("ab") as file:
            while piece:
                try:
                    os.posix_fallocate(file.fileno(), file.tell(), piece)
                    file.seek(0, os.SEEK_END)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    piece //= 2  # somebody was faster

    def empty(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disks(folders: Sequence[Path]) -> Iterator[dict[str, Disk]]:
    """Mount one on each of the folders while inside, by the folder's name; none where we may not."""
    mounted: dict[str, Disk] = {}
    try:
        for folder in folders:
            folder.mkdir(parents=True)
            what = ["mount", "-t", "tmpfs", "-o", f"size={_BYTES}", "portal-chaos", str(folder)]
            done = subprocess.run(what, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                print(f"no disk is going to be full: {done.stderr.strip()}", flush=True)
                break
            mounted[folder.name] = Disk(folder)
        yield mounted
    finally:
        for disk in mounted.values():
            subprocess.run(["umount", "--lazy", str(disk.folder)], check=False)
