# Tries to lower the executor's and the spawner's limits by prlimit.
# Contained at: restricted, isolated

import resource

from tools import done, told, tries

for pid in map(int, (told["EXECUTOR"], told["SPAWNER"], told["OTHER"])):
    tries(resource.prlimit, pid, resource.RLIMIT_NOFILE, (3, 3))
done()
