# Tries to leave ten thousand files, some of them hard links of one another.
# Contained at: process, restricted, isolated

import os

from tools import done, write

for number in range(100):
    os.mkdir(str(number))
    write(f"{number}/0")
    for other in range(1, 100):
        os.link(f"{number}/0", f"{number}/{other}")
done()
