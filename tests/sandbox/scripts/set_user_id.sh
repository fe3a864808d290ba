#!/bin/sh
# Tries to become root by programs that are root's: su, sudo, ping, mount, passwd, newuidmap.
# Contained at: process, restricted, isolated
export "$@"
echo "begin $NONCE"

for program in su sudo mount passwd newuidmap pkexec at crontab; do
    command -v "$program" >/dev/null || continue
    "$program" --version </dev/null 2>&1 | head -1
done
su -c "echo claimed $NONCE: su" root </dev/null 2>&1
sudo -n sh -c "echo claimed $NONCE: sudo" </dev/null 2>&1
newuidmap $$ 0 0 1 2>/dev/null && echo "claimed $NONCE: newuidmap"
echo "end $NONCE"
