# Tries to reach a port of this machine by UDP.
# Contained at: restricted, isolated
# With a network: open, by policy

import socket

from tools import done, nonce, told, tries

one = tries(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
if one is not None:
    tries(one.sendto, nonce.encode(), ("127.0.0.1", int(told["UDP"])))
done()
