# Tries to read and to change what another run has in its folder, by its path and through its process.
# Contained at: restricted, isolated

import os

from tools import done, leak, nonce, read, told, tries, write

for folder in (
    told["OTHER_FOLDER"],
    f"/proc/{told['OTHER']}/cwd",
    f"/proc/{told['OTHER']}/root{told['OTHER_FOLDER']}",
):
    print(tries(os.listdir, folder))
    leak(tries(read, f"{folder}/kept"))
    tries(write, f"{folder}/kept")
    tries(write, f"{folder}/{nonce}")
    tries(os.symlink, "/etc", f"{folder}/{nonce}-link")
done()
