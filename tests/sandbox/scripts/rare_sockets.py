# Tries to open sockets of other kinds: raw, packets, netlink's rare families, vsock, bluetooth, kernel crypto.
# Contained at: process, restricted, isolated

import socket

from tools import claim, done, tries

for family, kind, protocol in (
    (2, 3, 255),
    (10, 3, 58),
    (17, 3, 0x300),
    (31, 3, 1),
    (38, 5, 0),
    (16, 3, 9),
    (16, 3, 12),
    (16, 3, 15),
    (40, 1, 0),
    (30, 5, 0),
    (44, 3, 0),
):
    one = tries(socket.socket, family, kind, protocol)
    if one is not None:
        print("made:", family, kind, protocol)
        if family in (17, 31) or (kind == 3 and family in (2, 10)):
            claim(f"raw {family}")
done()
