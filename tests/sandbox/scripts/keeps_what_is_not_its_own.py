# Tries to have files of others kept as its own: by links, a pipe and a deep tree in its folder for artifacts.
# Contained at: process, restricted, isolated

import os

from tools import done, told, tries

os.chdir(os.environ["PORTAL_ARTIFACTS"])
os.mkfifo("pipe")
os.symlink("/", "root")
for number, path in enumerate((told["SECRET"], told["UNLISTED"], told["CLOSED_FOLDER"] + "/closed", "/etc/shadow")):
    os.symlink(path, f"link-{number}")
    tries(os.link, path, f"second-{number}")
os.symlink(os.path.dirname(told["SECRET"]), "folder")
for _ in range(1500):
    os.mkdir("d")
    os.chdir("d")
done()
