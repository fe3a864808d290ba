# Tries to put a link to somebody else's folder where its own was, for the clean-up to follow.
# Contained at: process, restricted, isolated

import os

from tools import done, told, tries

own = told["OWN_FOLDER"]
if tries(os.rename, own, own + "-moved") is not None:
    print("moved")
if not os.path.exists(own):
    tries(os.symlink, told["CLOSED_FOLDER"], own)
    os.system(f"rm -rf {own}-moved")
os.chdir("/")
done()
