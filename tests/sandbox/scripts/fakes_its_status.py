# Tries to report its own end: it writes what a keeper says to every descriptor that it finds.
# Contained at: process, restricted, isolated

import marshal
import os

from tools import claim, done, tries

word = marshal.dumps(
    (
        "ended",
        {
            "stopped": "",
            "exit_code": 77,
            "signal": None,
            "duration_s": 0.0,
            "cpu_s": 0.0,
            "peak_memory_bytes": 0,
        },
    )
)
for number in range(3, 1024):
    if tries(os.fstat, number) is not None:
        claim(f"descriptor {number} was left open")
        tries(os.write, number, word)
tries(os.write, 0, word)
done()
