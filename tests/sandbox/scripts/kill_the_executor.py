# Tries to kill the executor.
# Contained at: restricted, isolated
# May not reach its end

import os
import time

from tools import done, told, tries

tries(os.kill, int(told["EXECUTOR"]), 9)
time.sleep(0.2)
done()
