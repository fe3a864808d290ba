#!/bin/sh
# Runs a command on Debian's own kernel, in a virtual machine that sees this machine's files: as root, with cgroup v2
# delegated as systemd delegates it. What it writes is gone with it; it has no network.
#
#     deploy/vm.sh                                  # the tests that need such cgroups
#     deploy/vm.sh .venv/bin/python -m tests.sandbox
#
# Needs no privilege on any Debian; qemu-system-x86, and busybox-static. Uses KVM where it may, which is ten times
# faster. KERNEL_PACKAGE names another kernel, VM_TIMEOUT_S another bound than an hour.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd) work=$(mktemp -d) cache=${XDG_CACHE_HOME:-$HOME/.cache}/portal-vm
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
package=${KERNEL_PACKAGE:-$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: //p' | head -n 1)}
kernel=$cache/$package
if [ ! -e "$kernel" ]; then
    mkdir -p "$cache"
    (cd "$work" && apt-get download -qq "$package" && dpkg-deb -x "$package"_*.deb kernel)
    mv "$work/kernel" "$kernel"
fi

init=$work/init
mkdir -p "$init/bin" "$init/modules"
cp "$(command -v busybox)" "$init/bin/busybox"
order='virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci netfs fscache 9pnet 9pnet_virtio 9p overlay'
for module in $order; do
    find "$kernel/lib/modules" -name "$module.ko*" -exec cp {} "$init/modules/" \;
done
[ $# -gt 0 ] || set -- .venv/bin/python -m pytest -q -p no:cacheprovider tests/integration/executor/test_cgroups.py
{
    echo "cd $root && exec \\"
    for word; do printf "'%s' " "$(printf %s "$word" | sed "s/'/'\\\\''/g")"; done
} >"$init/command"
cat >"$init/init" <<END
#!/bin/busybox sh
PATH=/bin
busybox mkdir -p /proc && busybox mount -t proc proc /proc && busybox --install -s /bin
mkdir -p /sys /dev /lower /over /root
mount -t sysfs sys /sys && mount -t devtmpfs dev /dev
for module in $order; do
    [ ! -e /modules/\$module.ko.xz ] || xz -d /modules/\$module.ko.xz
    [ ! -e /modules/\$module.ko ] || insmod /modules/\$module.ko
done
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro root /lower &&
mount -t tmpfs -o size=80% over /over && mkdir -p /over/up /over/work &&
mount -t overlay -o lowerdir=/lower,upperdir=/over/up,workdir=/over/work root /root || poweroff -f
for folder in proc sys dev; do mount --move /\$folder /root/\$folder; done
for folder in tmp run; do mount -t tmpfs -o mode=1777 own /root/\$folder; done
cp /bin/busybox /command /second /root/run/
exec switch_root /root /run/busybox sh /run/second
END
cat >"$init/second" <<'END'
for one in $(/run/busybox --list); do alias $one="/run/busybox $one"; done
mkdir -p /dev/pts /dev/shm && mount -t devpts pts /dev/pts && mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t cgroup2 -o nsdelegate cgroup /sys/fs/cgroup
ip link set lo up; hostname vm; ulimit -n 65536
echo '+cpu +memory +pids' >/sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/delegated
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8
python3 -c "import os; os.setxattr('/sys/fs/cgroup/delegated', 'user.delegate', b'1')"
PYTHONPATH=$(sed -n 's/^cd \(.*\) && exec .$/\1/p' /run/command) PYTHONDONTWRITEBYTECODE=1 setsid sh -c '
    echo 0 >/sys/fs/cgroup/delegated/cgroup.procs
    exec sh /run/command' >/dev/ttyS0 2>&1
echo $? >/dev/ttyS1
find /sys/fs/cgroup/delegated -mindepth 1 -type d | sed 's/^/left: /' >/dev/ttyS0
poweroff -f
END
chmod +x "$init/init"
(cd "$init" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >"$work/initrd")
timeout "${VM_TIMEOUT_S:-3600}" qemu-system-x86_64 -accel "${VM_ACCEL:-tcg}" -cpu max -smp 2 -m "${VM_MEMORY:-4G}" -nodefaults -no-reboot -display none -nic none \
    -serial stdio -serial "file:$work/code" -kernel "$kernel"/boot/vmlinuz-* -initrd "$work/initrd" \
    -append 'console=ttyS0 quiet panic=-1 loglevel=3' \
    -fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap \
    -device virtio-9p-pci,fsdev=root,mount_tag=root </dev/null
code=$(tr -dc 0-9 <"$work/code")
exit "${code:-1}"
