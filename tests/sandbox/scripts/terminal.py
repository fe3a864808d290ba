# Tries to type into the terminal of whoever started the executor, and to take one as its own.
# Contained at: process, restricted, isolated

import fcntl
import os
import termios

from tools import claim, done, tries

for path in ("/dev/tty", "/dev/console", *(f"/dev/pts/{number}" for number in range(10))):
    opened = tries(os.open, path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    if opened is not None:
        claim(path)
        tries(fcntl.ioctl, opened, termios.TIOCSCTTY, 0)
        tries(fcntl.ioctl, opened, termios.TIOCSTI, b" ")
done()
