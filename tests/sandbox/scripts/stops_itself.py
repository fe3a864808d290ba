# Tries to freeze itself and its children, so that no signal is heard.
# Contained at: process, restricted, isolated
# Time limit: 1 s

import os
import signal
import time

import tools  # noqa: F401 - says that it began

for _ in range(3):
    if os.fork() == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(20)
        os._exit(0)
os.kill(os.getpid(), signal.SIGSTOP)
time.sleep(20)
