# Tries to fill the machine with processes that fork (it stops at 150 of its own accord).
# Contained at: process, restricted, isolated
# Time limit: 1 s

import os
import signal

from tools import tries

started = 1
for _ in range(7):
    if tries(os.fork) == 0:
        started = 0
print("forked")
while True:
    signal.pause()
