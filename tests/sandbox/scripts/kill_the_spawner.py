# Tries to kill the spawner.
# Contained at: restricted, isolated

import os
import time

from tools import done, told, tries

tries(os.kill, int(told["SPAWNER"]), 9)
time.sleep(0.2)
done()
