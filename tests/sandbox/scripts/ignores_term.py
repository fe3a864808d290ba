# Tries to ignore every signal that can be ignored, in itself and its children, and to go on after its time is up.
# Contained at: process, restricted, isolated
# Time limit: 1 s

import os
import signal
import time

from tools import tries

for number in range(1, 65):
    tries(signal.signal, number, signal.SIG_IGN)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        break
print("ready", flush=True)
time.sleep(20)
