# Tries to come at the folder that another job keeps between its runs, and to widen the way to its own.
# Contained at: restricted, isolated

import fcntl
import os

from tools import claim, done, leak, nonce, read, told, tries, write

own, others = os.environ["PORTAL_STATE_DIR"], told["OTHER_STATE"]
os.chmod(own, 0o777)
for folder in (others, f"/proc/{told['OTHER']}/root{others}", f"{own}/../../{others.split('/')[-2]}/data"):
    print(tries(os.listdir, folder))
    leak(tries(read, f"{folder}/kept"))
    for act, *paths in (
        (write, f"{folder}/{nonce}"),
        (os.symlink, "/etc", f"{folder}/{nonce}-link"),
        (os.link, f"{folder}/kept", f"{own}/{nonce}"),
        (os.rename, f"{folder}/kept", f"{own}/{nonce}-kept"),
    ):
        if tries(act, *paths):
            claim(f"{act.__name__} {paths}")
outer = os.path.dirname(own)
for act, *arguments in (
    (os.chmod, outer, 0o777),
    (os.rename, outer, f"{outer}-{nonce}"),
    (os.rename, own, f"{own}-{nonce}"),
    (os.symlink, "/etc", f"{outer}/{nonce}"),
):
    if outer != "/" and tries(act, *arguments):
        claim(f"{act.__name__} {arguments}")
lock = tries(os.open, f"{outer}/lock", os.O_RDWR)
if lock:
    fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    claim("took the lock of its job's folder")
done()
