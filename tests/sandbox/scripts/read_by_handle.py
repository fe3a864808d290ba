# Tries to open a file by its handle, which asks for no path.
# Contained at: process, restricted, isolated

import ctypes
import os

from tools import done, leak, syscall, told, tries

handle = ctypes.create_string_buffer(b"\x80\0\0\0", 140)
mount = ctypes.c_int()
if (
    tries(
        syscall,
        "name_to_handle_at",
        -100,
        ctypes.c_char_p(os.fsencode(told["UNLISTED"])),
        handle,
        ctypes.byref(mount),
        0,
    )
    is not None
):
    root = tries(os.open, "/", os.O_RDONLY)
    if root is not None:
        opened = tries(syscall, "open_by_handle_at", root, handle, 0)
        if opened is not None:
            leak(os.read(opened, 1000))
done()
