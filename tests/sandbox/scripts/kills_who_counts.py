# Tries to take 400 MB of memory where its job allows 64 MB, and to kill whoever counts what it uses.
# Contained at: process, restricted, isolated
# Limits: memory_bytes=64000000
# May not reach its end

import os
import signal
import time

from tools import claim, told

# Of one process alone everything is known at a glance.
other = os.fork()
if other == 0:
    time.sleep(60)
held = []
for _ in range(100):
    held.append(b"x" * 4_000_000)
    until = time.monotonic() + 0.05
    # At other levels those that it could kill are everybody's.
    while told["LEVEL"] == "isolated" and time.monotonic() < until:
        for pid in range(other + 1, other + 200):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
    time.sleep(max(0, until - time.monotonic()))
claim("held 400 MB")
