#!/bin/sh
# Tries to leave daemons behind: nohup, setsid, a double fork, a shell in the background.
# Contained at: process, restricted, isolated
export "$@"
echo "begin $NONCE"

nohup sleep 15 >/dev/null 2>&1 &
setsid sleep 15 </dev/null >/dev/null 2>&1 &
(setsid sh -c 'sleep 15 & sleep 15 & wait' >/dev/null 2>&1 &)
(trap '' TERM HUP INT; sleep 15 & sleep 15) >/dev/null 2>&1 &
echo "end $NONCE"
