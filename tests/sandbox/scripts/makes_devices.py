# Tries to make devices of its own: the memory's, a disk's, a terminal's.
# Contained at: process, restricted, isolated

import os
import stat

from tools import claim, done, nonce, tries

for number, (kind, major, minor) in enumerate(
    ((stat.S_IFCHR, 1, 1), (stat.S_IFBLK, 254, 0), (stat.S_IFBLK, 8, 0), (stat.S_IFCHR, 5, 1))
):
    for folder in (".", "/tmp", "/dev/shm"):
        path = f"{folder}/{nonce}-device{number}"
        if tries(os.mknod, path, kind | 0o666, os.makedev(major, minor)) is not None:
            claim(path)
done()
