# Tries to leave a folder that is hard to remove: 1500 deep, closed, with odd names, links that lead out.
# Contained at: process, restricted, isolated

import os

from tools import done, told, write

os.mkdir("closed")
write("closed/file")
for name in (
    b"new\nline",
    b"\xff\xfe",
    b"-rf",
    b"--help",
    b" ",
    b"a" * 255,
    "\u202e".encode(),
    b"\x1b[2J",
    b"*",
    b"~",
):
    os.makedirs(b"names/" + name)
os.symlink(told["OPEN_FOLDER"], "names/out")
os.symlink(".", "names/round")
os.symlink("/", "-root")
os.mkfifo("pipe")
os.mkdir("deep")
os.chdir("deep")
for _ in range(1500):
    os.mkdir("d")
    os.chdir("d")
os.chdir("/")
os.chmod(told["OWN_FOLDER"] + "/closed", 0)
os.chmod(told["OWN_FOLDER"] + "/names", 0)
os.chmod(told["OWN_FOLDER"], 0)
done()
