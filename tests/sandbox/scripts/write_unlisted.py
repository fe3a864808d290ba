# Tries to write into a folder that every user may write to, and to a file in it.
# Contained at: restricted, isolated

import os

from tools import done, nonce, told, tries, write

tries(write, told["OPEN_FILE"])
tries(write, f"{told['OPEN_FOLDER']}/{nonce}")
tries(os.mkdir, f"{told['OPEN_FOLDER']}/{nonce}-folder")
tries(os.symlink, "/etc", f"{told['OPEN_FOLDER']}/{nonce}-link")
tries(os.mkfifo, f"{told['OPEN_FOLDER']}/{nonce}-pipe")
done()
