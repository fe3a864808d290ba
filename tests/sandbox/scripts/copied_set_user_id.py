# Tries to leave a shell that runs as its user, for whoever starts it, and to get more from one of its own.
# Contained at: process, restricted, isolated

import os
import shutil

from tools import claim, done, tries

shutil.copy("/bin/sh", "shell")
tries(os.chmod, "shell", 0o6755)
tries(os.setuid, 0)
tries(os.setresuid, 0, 0, 0)
tries(os.setgroups, [0])
if 0 in os.getresuid() or 0 in os.getgroups():
    claim("root")
status = dict(line.split(":\t") for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
if status["NoNewPrivs"] != "1" or int(status["CapEff"], 16) or int(status["CapPrm"], 16):
    claim("more rights")
done()
