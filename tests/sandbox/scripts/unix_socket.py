# Tries to speak to a service of this machine by its socket in the file system, which is anybody's to write to.
# Contained at: restricted, isolated

import socket

from tools import done, nonce, told, tries

for kind, name in ((socket.SOCK_STREAM, "SOCKET"), (socket.SOCK_DGRAM, "DATAGRAM")):
    one = tries(socket.socket, socket.AF_UNIX, kind)
    if one is not None:
        tries(one.connect, told[name])
        tries(one.send, nonce.encode())
done()
