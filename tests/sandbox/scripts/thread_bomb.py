# Tries to fill the machine with threads (150), and to leave with them all alive.
# Contained at: process, restricted, isolated

import os
import threading
import time

from tools import done

for _ in range(150):
    threading.Thread(target=time.sleep, args=(15,), daemon=True).start()
done()
os._exit(0)
