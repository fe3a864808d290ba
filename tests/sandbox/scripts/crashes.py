# Tries to leave a core dump, in its folder or with the system.
# Contained at: process, restricted, isolated
# Ends with: a signal

import ctypes
import resource

from tools import done

resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
done()
ctypes.string_at(0)
