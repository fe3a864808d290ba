# Tries to plant hard links to other people's files in its folder, whose modes the clean-up would then change.
# Contained at: process, restricted, isolated

import os

from tools import done, told, tries

for path in (
    told["SECRET"],
    told["UNLISTED"],
    told["OPEN_FILE"],
    told["CLOSED_FOLDER"] + "/closed",
    "/etc/shadow",
    "/etc/passwd",
    "/usr/bin/su",
):
    tries(os.link, path, "link-" + path.replace("/", "_"))
done()
