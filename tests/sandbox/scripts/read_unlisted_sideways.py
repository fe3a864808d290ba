# Tries to read that file by other ways: a link, a relative path, a hard link, a handle, sendfile, a shell's redirection.
# Contained at: restricted, isolated

import os

from tools import done, leak, read, told, tries

tries(os.symlink, told["UNLISTED"], "link")
leak(tries(read, "link"))
leak(tries(read, "../" * 30 + told["UNLISTED"]))
leak(tries(read, "/proc/self/root" + told["UNLISTED"]))
leak(tries(read, "/proc/self/cwd/" + "../" * 30 + told["UNLISTED"]))
tries(os.link, told["UNLISTED"], "hard")
leak(tries(read, "hard"))
pointer = tries(os.open, told["UNLISTED"], os.O_PATH)
if pointer is not None:
    leak(tries(read, f"/proc/self/fd/{pointer}"))
    leak(tries(read, f"/dev/fd/{pointer}"))
os.system(f"cat < {told['UNLISTED']}")
done()
