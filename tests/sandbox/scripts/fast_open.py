# Tries to reach a port by a send that connects (TCP Fast Open), which no rule for connect sees.
# Contained at: restricted, isolated
# With a network: open, by policy

import socket

from tools import done, nonce, told, tries

one = tries(socket.socket, socket.AF_INET, socket.SOCK_STREAM)
if one is not None:
    tries(one.sendto, nonce.encode(), 0x20000000, ("127.0.0.1", int(told["TCP"])))
done()
