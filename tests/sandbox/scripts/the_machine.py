# Tries to rename, restart and reload the machine (by arguments that are invalid, in case it might).
# Contained at: process, restricted, isolated

import ctypes
import errno

from tools import claim, done, nonce, syscall

c = ctypes.c_char_p
for name, arguments in (
    ("sethostname", (c(nonce.encode()), 9)),
    ("reboot", (0, 0, 0, None)),
    ("swapon", (c(b"/nowhere"), 0)),
    ("init_module", (None, 0, None)),
    ("kexec_load", (0, 99, None, 99)),
    ("acct", (c(b"/nowhere"),)),
    ("syslog", (3, ctypes.create_string_buffer(100), 100)),
):
    try:
        syscall(name, *arguments)
        claim(name)
    except OSError as error:
        # Whoever may do it is told what is wrong with the arguments.
        if error.errno not in {errno.EPERM, errno.EACCES, errno.ENOSYS}:
            claim(f"{name}: {error}")
done()
