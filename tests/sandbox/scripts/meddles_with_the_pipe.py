# Tries to read its own output back, to make the pipe non-blocking, larger and packet-wise.
# Contained at: process, restricted, isolated

import fcntl
import os

from tools import done, nonce, tries

own = tries(os.open, "/proc/self/fd/1", os.O_RDONLY | os.O_NONBLOCK)
tries(fcntl.fcntl, 1, 1031, 1 << 20)
tries(fcntl.fcntl, 1, fcntl.F_SETFL, os.O_NONBLOCK | 0o40000)
for _ in range(50):
    tries(os.write, 1, b"y" * 100_000)
if own is not None:
    tries(os.read, own, 100)
    os.close(own)
os.set_blocking(1, True)
fcntl.fcntl(1, fcntl.F_SETFL, 0)
# It may have read away its own first word.
print(f"\nbegin {nonce}")
done()
