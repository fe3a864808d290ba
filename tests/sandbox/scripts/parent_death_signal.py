# Tries to give up the signal that it gets when its keeper dies, and to ask for others.
# Contained at: process, restricted, isolated

import os
import signal
import time

from tools import done, libc

libc.prctl(1, 0, 0, 0, 0)
if os.fork() == 0:
    os.setsid()
    libc.prctl(1, signal.SIGUSR1, 0, 0, 0)
    libc.prctl(4, 0, 0, 0, 0)  # not dumpable: /proc shows less of it
    time.sleep(15)
    os._exit(0)
done()
