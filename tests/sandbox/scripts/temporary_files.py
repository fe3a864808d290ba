# Tries to leave files, folders, links, pipes and sockets in /tmp and /var/tmp.
# Contained at: restricted, isolated

import os

from tools import done, nonce, told, tries, write

for folder in ("/tmp", "/var/tmp"):
    tries(write, f"{folder}/{nonce}")
    tries(os.symlink, told["OPEN_FOLDER"], f"{folder}/{nonce}-link")
    tries(os.mkfifo, f"{folder}/{nonce}-pipe")
    tries(os.mkdir, f"{folder}/{nonce}-folder")
    tries(write, f"{folder}/{nonce}-folder/inner")
    tries(os.chmod, f"{folder}/{nonce}-folder", 0)
done()
