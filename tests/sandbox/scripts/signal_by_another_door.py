# Tries to have the kernel send the executor a signal: as owner of a pipe's news, by sigqueue, tgkill and pidfd.
# Contained at: restricted, isolated
# May not reach its end

import fcntl
import os
import signal
import time

from tools import done, libc, told, tries

executor = int(told["EXECUTOR"])
reader, writer = os.pipe()
if tries(fcntl.fcntl, reader, 8, executor) is not None:  # F_SETOWN
    tries(fcntl.fcntl, reader, 10, signal.SIGSTOP)  # F_SETSIG
    tries(fcntl.fcntl, reader, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    os.write(writer, b"news")
held = tries(os.pidfd_open, executor)
if held is not None:
    tries(signal.pidfd_send_signal, held, signal.SIGSTOP)
libc.syscall(131 if os.uname().machine == "aarch64" else 234, executor, executor, signal.SIGSTOP)
time.sleep(0.2)
done()
