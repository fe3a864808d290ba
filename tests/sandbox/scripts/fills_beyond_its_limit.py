# Tries to write 200 MB in small files, deep below its folder, where its job allows 8 MB of disk.
# Contained at: process, restricted, isolated
# Limits: disk_bytes=8000000
# May not reach its end

import os
import time

from tools import claim

os.makedirs("deep/" * 20)
for number in range(100):
    with open("deep/" * 20 + str(number), "wb") as small:
        small.write(b"x" * 2_000_000)
    time.sleep(0.05)
claim("wrote 200 MB")
