# Tries to leave a POSIX message queue behind.
# Contained at: restricted, isolated

import ctypes
import os

from tools import done, libc, nonce

library = libc if hasattr(libc, "mq_open") else ctypes.CDLL("librt.so.1", use_errno=True)
if library.mq_open(f"/{nonce}".encode(), os.O_CREAT | os.O_RDWR, 0o666, None) < 0:
    print("refused:", ctypes.get_errno())
done()
