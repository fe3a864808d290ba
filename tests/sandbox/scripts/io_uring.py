# Tries to make a ring, by which calls are made that no filter sees.
# Contained at: restricted, isolated

import ctypes

from tools import claim, done, syscall, tries

if tries(syscall, "io_uring_setup", 4, ctypes.create_string_buffer(120)) is not None:
    claim("io_uring")
done()
