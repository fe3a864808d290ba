# Tries to add, replace and remove scripts, itself among them.
# Contained at: process, restricted, isolated

import os

from tools import done, nonce, told, tries, write

tries(write, f"{told['SCRIPTS']}/{nonce}.py")
tries(write, __file__)
tries(os.rename, __file__, __file__ + nonce)
tries(os.unlink, told["SCRIPTS"] + "/bystander.py")
tries(os.chmod, told["SCRIPTS"], 0o777)
tries(os.chmod, __file__, 0o777)
done()
