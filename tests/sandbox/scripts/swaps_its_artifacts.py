# Tries to have a folder of secrets kept: it stands where its folder for artifacts was.
# Contained at: process, restricted, isolated

import os

from tools import done, told

os.rmdir(os.environ["PORTAL_ARTIFACTS"])
os.symlink(os.path.dirname(told["SECRET"]), os.environ["PORTAL_ARTIFACTS"])
done()
