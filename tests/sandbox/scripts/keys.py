# Tries to leave a key in its user's keyring, where the next run of that user finds it.
# Contained at: restricted, isolated

from tools import claim, done, nonce, syscall, tries

user_keyring = -4
kept = tries(syscall, "add_key", b"user", nonce.encode(), b"left", 4, user_keyring)
if kept is not None:
    claim("key")
    tries(syscall, "keyctl", 9, kept, user_keyring)
done()
