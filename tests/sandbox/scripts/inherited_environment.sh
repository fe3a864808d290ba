#!/bin/sh
# Tries to find something of the executor in its own environment, limits and descriptors.
# Contained at: process, restricted, isolated
export "$@"
echo "begin $NONCE"

env
for name in LD_PRELOAD LD_LIBRARY_PATH PYTHONPATH PYTHONHOME PORTAL_AMQP_URL PORTAL_SECRETS_DIR PORTAL_HOME; do
    eval "[ -n \"\${$name:-}\" ]" && echo "claimed $NONCE: $name"
done
for fd in 3 4 5 6 7 8 9; do
    (eval ": <&$fd") 2>/dev/null && echo "claimed $NONCE: descriptor $fd"
done
echo "end $NONCE"
