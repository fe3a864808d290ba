# Tries to read the executor's own folder: its secrets of mode 0600 and its journal.
# Contained at: restricted, isolated

import os

from tools import done, leak, read, told, tries

leak(tries(read, told["SECRET"]))
print(tries(os.listdir, told["EXECUTOR_HOME"]))
leak(tries(read, told["EXECUTOR_HOME"] + "/journal"))
done()
