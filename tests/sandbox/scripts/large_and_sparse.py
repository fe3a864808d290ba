# Tries to leave a file of 8 TB that has holes and one of 60 MB that has none.
# Contained at: process, restricted, isolated

import os

from tools import done, tries

with open("sparse", "wb") as sparse:
    tries(sparse.truncate, 1 << 43)
with open("full", "wb") as full:
    for _ in range(60):
        full.write(os.urandom(1_000) * 1_000)
done()
