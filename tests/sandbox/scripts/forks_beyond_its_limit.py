# Tries to have 60 processes where its job allows 20, for longer than a moment.
# Contained at: process, restricted, isolated
# Limits: processes=20
# May not reach its end

import os
import time

from tools import claim, tries

started = 1
for _ in range(60):
    child = tries(os.fork)
    if child == 0:
        time.sleep(60)
    started += child is not None
time.sleep(2)
if started > 20:
    claim(f"has {started} processes")
