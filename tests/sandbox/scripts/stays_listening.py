# Tries to leave a listener behind, on a port and on a path.
# Contained at: process, restricted, isolated

import os
import socket
import time

from tools import done, tries

for family, address in ((socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_UNIX, "listener")):
    one = tries(socket.socket, family)
    if one is not None:
        one.bind(address)
        one.listen()
        os.set_inheritable(one.fileno(), True)
if os.fork() == 0:
    os.setsid()
    time.sleep(15)
done()
