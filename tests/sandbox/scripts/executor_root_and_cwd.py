# Tries to get at files through the root and working folders of the executor and the spawner.
# Contained at: process, restricted, isolated

import os

from tools import done, leak, read, told, tries

for pid in (told["EXECUTOR"], told["SPAWNER"], os.getppid()):
    for name in ("root" + told["UNLISTED"], "root" + told["SECRET"], "cwd/" + told["UNLISTED"]):
        leak(tries(read, f"/proc/{pid}/{name}"))
done()
