# Tries to flood its executor with 60 MB of output, on both streams at once.
# Contained at: process, restricted, isolated

import os

from tools import done

piece = b"x" * 65_535 + b"\n"
if os.fork() == 0:
    for _ in range(450):
        os.write(2, piece)
    os._exit(0)
for _ in range(450):
    os.write(1, piece)
os.wait()
done()
