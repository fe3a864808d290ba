#!/bin/sh
# Tries to be taken for a script that could not be started, by its exit code.
# Contained at: process, restricted, isolated
# Ends with: exit code 126
export "$@"
echo "begin $NONCE"

echo "end $NONCE"
exit 126
