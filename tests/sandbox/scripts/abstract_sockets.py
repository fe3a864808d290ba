# Tries to reach the executor's abstract sockets and to take the name of one.
# Contained at: restricted, isolated

import socket

from tools import done, nonce, told, tries

for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    one = tries(socket.socket, socket.AF_UNIX, kind)
    if (
        one is not None
        and tries(one.connect, "\0" + told["ABSTRACT"] + ("-d" if kind == socket.SOCK_DGRAM else ""))
        is not None
    ):
        tries(one.send, nonce.encode())
done()
