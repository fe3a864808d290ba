# Tries to be started again later: cron, at, profiles, systemd, the home of its user.
# Contained at: process, restricted, isolated

import os
import pwd

from tools import done, nonce, tries, write

for folder in (
    "/var/spool/cron/crontabs",
    "/var/spool/cron",
    "/etc/cron.d",
    "/var/spool/at",
    "/etc/systemd/system",
    "/etc/init.d",
    "/etc/profile.d",
    "/run/systemd/system",
):
    tries(write, f"{folder}/{nonce}")
try:
    tries(write, f"{pwd.getpwuid(os.getuid()).pw_dir}/{nonce}.bashrc")
except KeyError:
    print("a user without a name")
done()
