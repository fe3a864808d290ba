# Tries to read another run's environment, memory and open files.
# Contained at: restricted, isolated

import os

from tools import done, leak, memory, read, told, tries, words_of

leak(tries(read, f"/proc/{told['OTHER']}/environ"))
leak(words_of(tries(memory, told["OTHER"])))
for name in tries(os.listdir, f"/proc/{told['OTHER']}/fd") or []:
    print(tries(os.readlink, f"/proc/{told['OTHER']}/fd/{name}"))
done()
