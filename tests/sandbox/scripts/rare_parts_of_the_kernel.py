# Tries to open the parts of the kernel that faults were found in: bpf, perf, userfaultfd, fanotify.
# Contained at: restricted, isolated

import ctypes

from tools import claim, done, syscall, tries

attributes = ctypes.create_string_buffer(b"\x01\0\0\0\x80\0\0\0", 128)
for name, arguments in (
    ("bpf", (0, ctypes.create_string_buffer(120), 120)),
    ("perf_event_open", (attributes, 0, -1, -1, 0)),
    ("userfaultfd", (1,)),
    ("fanotify_init", (0x200, 0)),
):
    if tries(syscall, name, *arguments) is not None:
        claim(name)
done()
