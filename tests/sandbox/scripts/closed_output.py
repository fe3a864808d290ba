# Tries to close all that it was given, and to go on.
# Contained at: process, restricted, isolated

import os
import time

from tools import done

done()
os.closerange(0, 256)
deadline = time.monotonic() + 0.3
while time.monotonic() < deadline:
    pass
