"""Another run, which the hostile ones are not to reach: it keeps a file and waits."""

import os
import signal

with open("kept", "w") as kept:
    kept.write(os.environ["KEPT"])
os.chmod("kept", 0o644)
os.chmod(".", 0o755)
print("ready", flush=True)
signal.pause()
