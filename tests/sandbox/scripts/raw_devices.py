# Tries to open memory, ports, disks and consoles as devices.
# Contained at: process, restricted, isolated

import os

from tools import claim, done, tries

for path in (
    "/dev/mem",
    "/dev/kmem",
    "/dev/port",
    "/dev/kmsg",
    "/dev/vda",
    "/dev/sda",
    "/dev/nvme0n1",
    "/dev/console",
    "/dev/tty1",
    "/dev/ttyS0",
    "/dev/kvm",
    "/dev/fuse",
    "/dev/net/tun",
    "/dev/vhost-vsock",
    "/dev/loop-control",
    "/dev/uinput",
    "/dev/userfaultfd",
):
    for flags in (os.O_RDONLY, os.O_WRONLY):
        if tries(os.open, path, flags | os.O_NONBLOCK) is not None and path not in (
            "/dev/fuse",
            "/dev/net/tun",
        ):
            claim(path)
done()
