# Tries to speak to a service of this machine from a socket that was made as one of a pair.
# Contained at: restricted, isolated

import socket

from tools import done, nonce, told, tries

for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
    pair = tries(socket.socketpair, socket.AF_UNIX, kind)
    if pair is not None:
        tries(pair[0].sendto, nonce.encode(), told["DATAGRAM"])
        tries(pair[0].connect, told["DATAGRAM"])
        tries(pair[0].send, nonce.encode())
done()
