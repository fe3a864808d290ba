# Tries to mount, in the old way and the new, to unmount and to change its root.
# Contained at: process, restricted, isolated

import ctypes
import os

from tools import claim, done, syscall, tries

c = ctypes.c_char_p
os.makedirs("place")
for name, arguments in (
    ("mount", (c(b"none"), c(b"place"), c(b"tmpfs"), 0, None)),
    ("mount", (c(b"/"), c(b"place"), None, 4096, None)),
    ("mount", (None, c(b"/"), None, 32 | 4096, None)),
    ("umount2", (c(b"/proc"), 2)),
    ("umount2", (c(b"/usr"), 2)),
    ("chroot", (c(b"place"),)),
    ("pivot_root", (c(b"place"), c(b"place"))),
    ("fsopen", (c(b"tmpfs"), 0)),
    ("open_tree", (-100, c(b"/"), 1)),
):
    if tries(syscall, name, *arguments) is not None:
        claim(name)
done()
