# Tries to take 180 MB of memory at once, by three processes, and to touch all of it.
# Contained at: process, restricted, isolated

import os

from tools import done

children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        held = bytearray(60_000_000)
        held[::4096] = b"x" * len(held[::4096])
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
done()
