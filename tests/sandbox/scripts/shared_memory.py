# Tries to leave POSIX shared memory and semaphores behind.
# Contained at: restricted, isolated

import os

from tools import done, nonce, tries, write

tries(write, f"/dev/shm/{nonce}")
tries(write, f"/dev/shm/sem.{nonce}")
tries(os.mkdir, f"/dev/shm/{nonce}-folder")
tries(os.mkdir, f"/dev/shm/{nonce}-folder/deep")
done()
