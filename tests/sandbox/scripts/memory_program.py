# Tries to run a program that no file holds, and to hide in its name.
# Contained at: process, restricted, isolated

import os

from tools import done

program = os.memfd_create("portal", 0)
os.write(program, b"#!/bin/sh\nsleep 15\n")
if os.fork() == 0:
    os.setsid()
    os.execve(program, ["kworker"], {"PORTAL_RUN_ID": os.environ["PORTAL_RUN_ID"]})
done()
