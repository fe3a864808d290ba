# Tries to go by the calls of 32-bit programs, whose numbers mean others to a filter.
# Contained at: process, restricted, isolated

import ctypes
import os

from tools import done, libc

if os.uname().machine == "x86_64":
    import mmap

    page = mmap.mmap(-1, 4096, prot=7)
    # push rbx; mov eax, 20 (getpid of i386); int 0x80; pop rbx; ret: harmless, and let through it says how.
    page.write(b"\x53\xb8\x14\x00\x00\x00\xcd\x80\x5b\xc3")
    call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    print("i386 getpid:", call())
    print("x32 unshare:", libc.syscall(ctypes.c_long(0x40000000 + 272), 0x10000000))
done()
