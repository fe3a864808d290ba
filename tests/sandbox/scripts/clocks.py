# Tries to set the clocks of the machine (to values that are invalid, in case it might).
# Contained at: process, restricted, isolated

import ctypes

from tools import done, syscall


class Moment(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("rest", ctypes.c_long))


wrong = Moment(0, -1)
for name, arguments in (
    ("settimeofday", (ctypes.byref(wrong), None)),
    ("clock_settime", (0, ctypes.byref(wrong))),
):
    try:
        syscall(name, *arguments)
    except OSError as error:
        print("refused:", error)
done()
