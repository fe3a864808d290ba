"""Another run, which the hostile ones are not to reach: it keeps files and waits."""

import os
import signal

with open("kept", "w") as kept:
    kept.write(os.environ["KEPT"])
os.chmod("kept", 0o644)
with open(os.path.join(os.environ["PORTAL_STATE_DIR"], "kept"), "w") as kept:
    kept.write(os.environ["KEPT"])
os.chmod(".", 0o755)
print("ready", flush=True)
signal.pause()
