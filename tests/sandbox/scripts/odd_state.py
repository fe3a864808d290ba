# Tries to leave in its job's folder what harms who looks there: links to others' files, devices, a shell.
# Contained at: process, restricted, isolated

import os
import stat

from tools import claim, done, told, tries

os.chdir(os.environ["PORTAL_STATE_DIR"])
for number, path in enumerate((told["OPEN_FILE"], told["UNLISTED"], told["SECRET"], "/etc/passwd")):
    tries(os.link, path, f"hard-{number}")
    tries(os.symlink, path, f"soft-{number}")
for number, device in enumerate((os.makedev(1, 1), os.makedev(8, 0))):
    if tries(os.mknod, f"device-{number}", 0o666 | stat.S_IFBLK, device):
        claim("made a device")
os.mkfifo("pipe", 0o666)
with open("/bin/sh", "rb") as real, open("shell", "wb") as shell:
    shell.write(real.read())
os.chmod("shell", 0o6777)
os.mkdir("closed")
open("closed/file", "w").close()
os.chmod("closed", 0)
with open("sparse", "wb") as sparse:
    sparse.truncate(1 << 40)
for _ in range(30):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
done()
