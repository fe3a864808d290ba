#!/bin/sh
# Shows that shell scripts run as well, with arguments and with a clean environment.
echo "Hello from $0, called with $# arguments: $*"
echo "My folder is $PWD and goes away after the run."
echo "All I can see of the environment:"
env | sort
