# Tries to change and remove what the executor keeps in its own folder.
# Contained at: restricted, isolated

import os

from tools import done, nonce, told, tries, write

tries(write, told["EXECUTOR_HOME"] + "/journal")
tries(write, told["EXECUTOR_HOME"] + "/" + nonce)
tries(os.rename, told["EXECUTOR_HOME"] + "/journal", told["EXECUTOR_HOME"] + "/" + nonce + "-moved")
done()
