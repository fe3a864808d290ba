#!/bin/sh
# Tries to bend the programs that clean up after it: LD_PRELOAD, PATH, PYTHONPATH, ENV and folders of its own with their names.
# Contained at: process, restricted, isolated
export "$@"
echo "begin $NONCE"

printf '#!/bin/sh\necho claimed %s: ran for the clean-up\nexec sleep 15\n' "$NONCE" > rm
cp rm chmod; cp rm python3; /bin/chmod 755 rm python3
/bin/chmod 755 chmod
printf 'print("claimed %s: site")\n' "$NONCE" > sitecustomize.py
export PATH="$PWD:$PATH" PYTHONPATH="$PWD" LD_PRELOAD="$PWD/none.so" LD_LIBRARY_PATH="$PWD" ENV="$PWD/rm" BASH_ENV="$PWD/rm"
mkdir -p closed/folder && /bin/chmod 0 closed
echo "end $NONCE"
