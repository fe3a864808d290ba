# Tries to write into the system's folders.
# Contained at: process, restricted, isolated

import os

from tools import claim, done, nonce, tries, write

for folder in (
    "",
    "/etc",
    "/usr",
    "/usr/bin",
    "/usr/local/bin",
    "/lib",
    "/opt",
    "/root",
    "/run",
    "/var/lib",
    "/boot",
    "/dev",
):
    tries(write, f"{folder}/{nonce}")
for path in ("/etc/passwd", "/etc/shadow", "/etc/ld.so.preload"):
    opened = tries(os.open, path, os.O_WRONLY)
    if opened is not None:
        claim(path)
done()
