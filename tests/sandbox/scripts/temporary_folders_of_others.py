# Tries to leave files in those folders below /tmp and /dev/shm that others made for everybody.
# Contained at: restricted, isolated

import os

from tools import done, nonce, told, tries, write

tries(write, f"{told['OPEN_TMP']}/{nonce}")
tries(os.mkdir, f"{told['OPEN_TMP']}/{nonce}-folder")
tries(write, f"{told['OPEN_TMP']}/{nonce}-folder/inner")
tries(os.chmod, f"{told['OPEN_TMP']}/{nonce}-folder", 0)
done()
