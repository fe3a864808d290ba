# Tries to take 600 MB of memory where its job allows 64 MB, in daemons that it leaves to do it.
# Contained at: process, restricted, isolated
# Limits: memory_bytes=64000000
# May not reach its end

import os
import time

from tools import claim

for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        break
held = []
for _ in range(100):
    held.append(b"x" * 2_000_000)
    time.sleep(0.03)
claim("held 600 MB")
