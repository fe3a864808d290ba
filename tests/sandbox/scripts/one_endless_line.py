# Tries to print 20 MB without an end of line, with NULs, invalid UTF-8 and a terminal's commands.
# Contained at: process, restricted, isolated

import os

from tools import done

os.write(1, b"\xff\xfe\0\x1b[2J\x1b]0;gone\x07" * 1_000)
for _ in range(320):
    os.write(1, b"\0" * 65_536)
print(flush=True)
done()
