# Tries to hold locks that others wait for: on the executor's files and on a file that is anybody's.
# Contained at: restricted, isolated

import fcntl
import os

from tools import claim, done, told, tries

for path in (told["EXECUTOR_HOME"] + "/journal", told["OPEN_FILE"]):
    opened = tries(os.open, path, os.O_RDONLY)
    if opened is not None and tries(fcntl.flock, opened, fcntl.LOCK_EX | fcntl.LOCK_NB) is not None:
        claim(f"locked {path}")
done()
