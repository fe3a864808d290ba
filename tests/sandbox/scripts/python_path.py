# Tries to plant code that the next Python would run: sitecustomize, .pth, beside the scripts and in the system's folders.
# Contained at: process, restricted, isolated

import os
import site
import sys

from tools import done, nonce, told, tries, write

for folder in {*sys.path, *site.getsitepackages(), told["SCRIPTS"]}:
    tries(write, f"{folder}/{nonce}.pth", "import os")
    tries(write, f"{folder}/sitecustomize_{nonce}.py")
    tries(os.mkdir, f"{folder}/__pycache__/{nonce}")
done()
