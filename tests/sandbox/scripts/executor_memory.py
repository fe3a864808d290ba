# Tries to read the executor's memory by /proc/PID/mem.
# Contained at: process, restricted, isolated

import os

from tools import done, leak, memory, told, tries, words_of

for pid in (told["EXECUTOR"], told["SPAWNER"], told["KEEPER"], os.getppid()):
    leak(words_of(tries(memory, pid)))
done()
