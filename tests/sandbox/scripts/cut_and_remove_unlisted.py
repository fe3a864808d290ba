# Tries to cut, rename, link and remove files in a folder that every user may write to.
# Contained at: restricted, isolated

import os

from tools import done, nonce, told, tries


def cut():
    os.truncate(told["OPEN_FILE"], 1)


tries(cut)
tries(os.link, told["OPEN_FILE"], f"{told['OPEN_FOLDER']}/{nonce}-hard")
tries(os.rename, told["OPEN_FILE"], f"{told['OPEN_FOLDER']}/{nonce}-renamed")
tries(os.unlink, told["OPEN_FILE"])
done()
