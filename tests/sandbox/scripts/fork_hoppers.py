# Tries to be always somebody else: processes that fork and end, faster than anybody can look (for 12 s).
# Contained at: process, restricted, isolated

import os
import time

from tools import done

for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        until = time.monotonic() + 12
        while time.monotonic() < until:
            if os.fork():
                os._exit(0)
        os._exit(0)
done()
