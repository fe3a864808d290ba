# Shows a run that fails: it explains itself on stderr and exits with code 3.
import sys

print("Looking for the report of last night ...")
print("ERROR: there is no report: the folder is empty.", file=sys.stderr)
print("Exit code 3 means: nothing to do. Any code but 0 makes a run fail.", file=sys.stderr)
sys.exit(3)
