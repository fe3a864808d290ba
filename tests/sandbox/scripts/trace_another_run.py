# Tries to attach to another run's script as a debugger.
# Contained at: restricted, isolated

import time

from tools import claim, done, syscall, told, tries

other = int(told["OTHER"])
if tries(syscall, "ptrace", 0x4206, other, 0, 0) is not None:
    claim("seized")
    tries(syscall, "ptrace", 0x4207, other, 0, 0)
    time.sleep(0.5)
done()
