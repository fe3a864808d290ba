#!/bin/sh
# Tries to be taken for a script that was killed, by its exit code.
# Contained at: process, restricted, isolated
# Ends with: exit code 137
export "$@"
echo "begin $NONCE"

echo "end $NONCE"
exit 137
