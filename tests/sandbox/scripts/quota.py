# Tries to change the disk quota of its user and of others.
# Contained at: process, restricted, isolated

import ctypes
import os

from tools import claim, done, syscall, tries

for kind in (0, 1):
    for command in (0x800002, 0x800007, 0x800008):
        if (
            tries(
                syscall,
                "quotactl",
                command << 8 | kind,
                ctypes.c_char_p(b"/dev/vda"),
                os.getuid(),
                ctypes.create_string_buffer(100),
            )
            is not None
        ):
            claim(f"quota {command:x}")
done()
