# Tries to take abstract names in the machine's name space, those by which executors hold their users among them.
# Contained at: process, restricted, isolated
# Time limit: 2 s

import os
import socket
import time

from tools import done, nonce, tries

held = []
for base in (70_000, 20_000):
    for number in range(0, 100, 7):
        one = tries(socket.socket, socket.AF_UNIX)
        if one is not None and tries(one.bind, f"\0{nonce}-{base}-{number}") is not None:
            held.append(one)
if os.fork() == 0:
    os.setsid()
    time.sleep(15)
done()
