# Tries to be taken for a keeper: by its name, its arguments and its group, and to stay.
# Contained at: process, restricted, isolated

import os
import sys

from tools import done, libc, read, tries

libc.prctl(15, b"portal-keeper", 0, 0, 0)
arguments = os.fsdecode(tries(read, f"/proc/{os.getppid()}/cmdline") or b"keeper").split("\0")
if os.fork() == 0:
    os.setsid()
    os.execv(
        sys.executable,
        [*(arguments[:1] or ["python"]), "-I", "-S", "-c", "import time; time.sleep(15)", *arguments[4:]],
    )
done()
