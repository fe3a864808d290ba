# Tries to kill and stop another run's script and its keeper.
# Contained at: restricted, isolated

import os
import signal
import time

from tools import done, told, tries

for pid in map(int, (told["OTHER"], told["KEEPER"])):
    tries(os.kill, pid, signal.SIGSTOP)
    tries(os.kill, pid, signal.SIGKILL)
time.sleep(0.2)
done()
