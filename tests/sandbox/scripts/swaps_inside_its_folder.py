# Tries to swap folders for links below its own folder while the clean-up goes through it.
# Contained at: process, restricted, isolated

import contextlib
import os
import time

from tools import done, told, write

os.makedirs("a/b/c")
write("a/b/c/file")
if os.fork() == 0:
    os.setsid()
    until = time.monotonic() + 10
    while time.monotonic() < until:
        for old, new in (("a/b", "a/x"), ("a/x", "a/b")):
            with contextlib.suppress(OSError):
                os.rename(old, new)
                os.symlink(told["CLOSED_FOLDER"], old)
                os.unlink(old)
    os._exit(0)
done()
