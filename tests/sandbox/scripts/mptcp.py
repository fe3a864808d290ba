# Tries to reach a port of this machine by Multipath TCP, of which Landlock's rules for TCP know nothing.
# Contained at: restricted, isolated
# With a network: open, by policy

import socket

from tools import done, nonce, told, tries

one = tries(socket.socket, socket.AF_INET, socket.SOCK_STREAM, 262)
if one is not None:
    one.settimeout(1)
    tries(one.connect, ("127.0.0.1", int(told["TCP"])))
    tries(one.send, nonce.encode())
done()
