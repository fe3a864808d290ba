# Tries to leave System V segments, queues and semaphores behind, which no process owns.
# Contained at: restricted, isolated

import ctypes

from tools import done, key, libc

for name, extra in (("shmget", (4096,)), ("msgget", ()), ("semget", (1,))):
    if getattr(libc, name)(key, *extra, 0o1666) < 0:
        print("refused:", name, ctypes.get_errno())
done()
