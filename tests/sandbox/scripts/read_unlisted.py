# Tries to read a file that every user may read, in a folder that is not listed.
# Contained at: restricted, isolated

from tools import done, leak, read, told, tries

leak(tries(read, told["UNLISTED"]))
done()
