# Tries to kill its own keeper, having left a daemon in a session of its own.
# Contained at: restricted, isolated
# May not reach its end

import os
import time

from tools import done, tries

if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    time.sleep(15)
    os._exit(0)
os.wait()
tries(os.kill, os.getppid(), 9)
tries(os.kill, 1, 9)
time.sleep(0.2)
done()
