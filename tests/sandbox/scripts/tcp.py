# Tries to reach a port of this machine by TCP, as the broker's is.
# Contained at: restricted, isolated
# With a network: open, by policy

import socket

from tools import done, nonce, told, tries

for address in ("127.0.0.1", "localhost"):
    one = tries(socket.create_connection, (address, int(told["TCP"])), 1)
    if one is not None:
        one.send(nonce.encode())
done()
