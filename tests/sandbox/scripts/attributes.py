# Tries to change the mode, owner, times and extended attributes of a file that is not its own but anybody's to write.
# Contained at: restricted, isolated

import os

from tools import done, nonce, told, tries

tries(os.chmod, told["OPEN_FILE"], 0o777)
tries(os.chmod, told["OPEN_FOLDER"], 0o700)
tries(os.chown, told["OPEN_FILE"], os.getuid(), -1)
tries(os.utime, told["OPEN_FILE"], (1, 1))
tries(os.setxattr, told["OPEN_FILE"], "user.mark", nonce.encode())
done()
