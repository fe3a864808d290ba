# Tries to open the rarely used families of sockets, each a part of the kernel that faults were found in.
# Contained at: restricted, isolated

import socket

from tools import claim, done, tries

for family, kind, protocol in ((38, 5, 0), (16, 3, 12), (16, 3, 9), (16, 3, 15), (40, 1, 0)):
    if tries(socket.socket, family, kind, protocol) is not None:
        claim(f"family {family}, protocol {protocol}")
done()
