# Tries to write to its output after its end was told.
# Contained at: process, restricted, isolated

import os
import time

from tools import done, nonce

if os.fork() == 0:
    os.setsid()
    while True:
        time.sleep(0.3)
        print(f"late {nonce}", flush=True)
done()
