# Tries to collect its own orphans and to leave them to nobody.
# Contained at: process, restricted, isolated

import os
import time

from tools import done, libc

libc.prctl(36, 1, 0, 0, 0)
if os.fork() == 0:
    libc.prctl(36, 1, 0, 0, 0)
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(15)
            os._exit(0)
    time.sleep(15)
    os._exit(0)
done()
