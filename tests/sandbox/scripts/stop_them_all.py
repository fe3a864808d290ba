# Tries to freeze the executor, the spawner and the keepers with SIGSTOP, one by one and by their groups.
# Contained at: restricted, isolated
# May not reach its end

import os
import signal
import time

from tools import done, told, tries

for pid in map(int, (told["EXECUTOR"], told["SPAWNER"], told["KEEPER"], os.getppid())):
    if pid > 1:
        tries(os.kill, pid, signal.SIGSTOP)
        tries(os.kill, -pid, signal.SIGSTOP)
time.sleep(0.2)
done()
